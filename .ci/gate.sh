#!/usr/bin/env bash
# Gates a candidate, writes the verdicts to files, and exits with the gate's exit code.
# The GitHub action runs this script; every other CI can run it too.
#
#   BASELINE, CANDIDATE   run folders; the baseline may be history:FILE
#   RULES                 TOML file of rules; empty: the default rules
#   BRANCH                branch on which the baseline of a history must have passed; empty: main
#   GROUPS_FILE           CSV of image,group: images of a group, such as a video, are resampled
#                         together; empty: every image on its own
#   OUTPUT                folder for gate.json, gate.xml (JUnit) and gate.md; default: gate
#   ALLOW_INCONCLUSIVE    true: exit with 0 if inconclusive; false (default): exit with 3
#   DETBENCH              the command: a program, or words without spaces in them;
#                         default: detbench
set -uo pipefail

finish() { # OUTCOME CODE
  if [ -n "${GITHUB_OUTPUT:-}" ]; then echo "outcome=$1" >>"$GITHUB_OUTPUT"; fi
  exit "$2"
}

fail() { # MESSAGE
  echo "gate.sh: $1" >&2
  finish error 2
}

if [ -z "${BASELINE:-}" ] || [ -z "${CANDIDATE:-}" ]; then
  fail "BASELINE or CANDIDATE is empty; set both to run folders"
fi
case $(printf %s "${ALLOW_INCONCLUSIVE:-false}" | tr '[:upper:]' '[:lower:]') in
  true | yes | on | 1) allow_inconclusive=true ;;
  false | no | off | 0) allow_inconclusive=false ;;
  *) fail "ALLOW_INCONCLUSIVE must be true or false" ;;
esac
detbench=("${DETBENCH:-detbench}")
if ! command -v -- "${detbench[0]}" >/dev/null; then read -ra detbench <<<"${detbench[0]}"; fi
output=${OUTPUT:-gate}
mkdir -p -- "$output" || fail "cannot create the folder OUTPUT"
rm -f -- "$output/gate.json" "$output/gate.xml" "$output/gate.md" ||
  fail "cannot remove the files of an earlier gate in OUTPUT"

options=(--json="$output/gate.json" --junit="$output/gate.xml" --markdown="$output/gate.md")
if [ -n "${RULES:-}" ]; then options+=(--rules="$RULES"); fi
if [ -n "${BRANCH:-}" ]; then options+=(--branch="$BRANCH"); fi
if [ -n "${GROUPS_FILE:-}" ]; then options+=(--groups="$GROUPS_FILE"); fi
"${detbench[@]}" gate "${options[@]}" -- "$BASELINE" "$CANDIDATE"
code=$?

case $code in
  0 | 1 | 3) [ -s "$output/gate.json" ] || fail "the gate exited with $code without verdicts" ;;
esac
case $code in
  0) finish passed 0 ;;
  1) finish failed 1 ;;
  3) if $allow_inconclusive; then finish inconclusive 0; else finish inconclusive 3; fi ;;
  *) finish error "$code" ;;
esac
