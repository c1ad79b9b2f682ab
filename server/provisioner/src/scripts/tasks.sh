tasks=$ours/tasks
programs=/usr/local/lib/brokeforge
crontabs=/etc/cron.d
check_handle() { case "$1" in '' | *[!0-9a-f]*) fail 'The handle of the task is none. Update the panel.' ;; esac; }
