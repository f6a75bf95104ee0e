"""Research questions: one file each, exporting SPACE. A new question is a new file here, or anywhere."""
