"""The operator's desk: who may sign in, what each may do, and for how long. No HTTP and no database in here."""
