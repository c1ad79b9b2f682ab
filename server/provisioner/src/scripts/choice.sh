# What was chosen: `own`, `none` or a version of PHP, and for some steps the other parts in one line.
read -r php
read -r parts || parts=
case "$php" in own | none) ;; '' | *[!0-9.]*) fail 'The wished version of PHP is no version.' ;; esac
is_chosen() { case " $parts " in *" $1 "*) ;; *) return 1 ;; esac; }
php_version() { case "$php" in own) own_php ;; none) ;; *) echo "$php" ;; esac; }
