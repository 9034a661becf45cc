// A button that copies a text, and forms whose addresses have no empty parameters. Without this both go by hand.
"use strict";

for (const form of document.querySelectorAll("form[data-short]")) {
  form.addEventListener("formdata", (event) => {
    for (const [name, value] of [...event.formData]) if (!value) event.formData.delete(name);
  });
}

for (const button of document.querySelectorAll("button[data-copies]")) {
  const text = document.getElementById(button.dataset.copies);
  const told = document.getElementById("copied");
  button.hidden = false;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text.value);
      told.textContent = "Copied.";
    } catch { // not over plain HTTP from elsewhere
      text.closest("details").open = true;
      text.focus();
      text.select();
      told.textContent = "Selected: copy it with Ctrl+C.";
    }
  });
}
