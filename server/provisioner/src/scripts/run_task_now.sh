read -r handle
exec "$programs/run-task" "$handle" panel
