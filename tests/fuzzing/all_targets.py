"""All targets, by name."""

from __future__ import annotations

from fuzzing import addresses, answers, commands, documents, functions, paths, patterns, records, rows

TARGETS = {
    module.TARGET.name: module.TARGET
    for module in (rows, functions, patterns, paths, addresses, documents, records, answers, commands)
}
