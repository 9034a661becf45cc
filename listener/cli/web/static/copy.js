// A button that copies a text: without this the text can be selected by hand.
"use strict";

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
