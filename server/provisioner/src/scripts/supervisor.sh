install_packages supervisor
run_service supervisor.service
summary "supervisor $(supervisord --version)"
