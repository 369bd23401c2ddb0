# shellcheck shell=sh
# For scripts that take long, to be read with `.`: what `waited` runs is told to stop when the script is, at once.
child=
trap 'test -z "$child" || kill "$child" 2>/dev/null || true; wait; exit 143' INT TERM

# Run a command in the background, where a shell still listens to signals; gives its exit status.
waited() {
  "$@" &
  child=$!
  outcome=0
  wait "$child" || outcome=$?
  child=
  return "$outcome"
}
