"""One module a language, with its ISO 639-3 code as its name and `LANGUAGE` in it. A new file is a new language."""
