"""One module a language, named by its ISO 639-3 code, each exporting `LANGUAGE`. A new file is a new language."""
