"""`dcp service`: `dcp up` as a unit of systemd. unit.py writes the unit (pure), command.py installs and removes it."""
