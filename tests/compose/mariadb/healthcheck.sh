#!/bin/sh
# The official image's --connect --innodb_initialized: answers over TCP, with InnoDB at work.
exec mariadb --no-defaults --host=127.0.0.1 --port=3306 --user="$MARIADB_USER" --password="$(cat "$MARIADB_PASSWORD_FILE")" \
  --execute='SELECT 1 FROM information_schema.ENGINES WHERE ENGINE = "InnoDB" AND SUPPORT IN ("YES", "DEFAULT")'
