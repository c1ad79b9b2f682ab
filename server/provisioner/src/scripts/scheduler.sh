install_packages cron
run_service cron.service
summary 'cron runs'
