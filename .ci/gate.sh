#!/usr/bin/env bash
# What the action runs, and every other CI can: gate a candidate, leave the verdicts as files, and end with the gate's exit code.
#
#   BASELINE, CANDIDATE   run folders; the baseline may be history:FILE
#   RULES                 TOML file of rules; empty: the default ones
#   OUTPUT                folder of gate.json, gate.xml (JUnit) and gate.md; default: gate
#   ALLOW_INCONCLUSIVE    true: end with 0 where it cannot be told
#   DETBENCH              the command; default: detbench
set -uo pipefail

if [ -z "${BASELINE:-}" ] || [ -z "${CANDIDATE:-}" ]; then
  echo "gate.sh: set BASELINE and CANDIDATE to run folders" >&2
  exit 2
fi
output=${OUTPUT:-gate}
mkdir -p "$output" || exit 2
rm -f "$output/gate.json" "$output/gate.xml" "$output/gate.md"
rules=()
[ -n "${RULES:-}" ] && rules=(--rules "$RULES")

# shellcheck disable=SC2086 # the command may have words
${DETBENCH:-detbench} gate "$BASELINE" "$CANDIDATE" ${rules[@]+"${rules[@]}"} \
  --json "$output/gate.json" --junit "$output/gate.xml" --markdown "$output/gate.md"
code=$?

case $code in
  0) outcome=passed ;;
  1) outcome=failed ;;
  3) outcome=inconclusive ;;
  *) outcome=error ;;
esac
[ -n "${GITHUB_OUTPUT:-}" ] && echo "outcome=$outcome" >>"$GITHUB_OUTPUT"
if [ "$outcome" = inconclusive ] && [ "${ALLOW_INCONCLUSIVE:-}" = true ]; then
  exit 0
fi
exit $code
