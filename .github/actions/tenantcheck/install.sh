#!/usr/bin/env bash
# Installs tenantcheck into a virtual environment of its own.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
package=${PACKAGE:-$here/../../..[fast]}
python3 -m venv "$RUNNER_TEMP/tenantcheck"
"$RUNNER_TEMP/tenantcheck/bin/pip" install --quiet --disable-pip-version-check "$package"
