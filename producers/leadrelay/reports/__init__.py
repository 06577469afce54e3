"""Reports: what became of the events accepted in a time, for people, spreadsheets and programs. Pure: no I/O here."""
