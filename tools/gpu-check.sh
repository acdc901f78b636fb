#!/usr/bin/env bash
# Checks tpc on a GPU (docs/cuda.md).
#   gpu-check.sh pack DIR   where tpc is built: puts all that is needed into the new folder DIR, less than 60 MiB
#   gpu-check.sh run DIR    where a GPU is, and no LLVM: runs it in less than nine minutes; writes DIR/out/report.txt
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
case ${1-} in
pack) default=/usr/bin/python3 ;; # Debian's, which the tests' packages belong to
run) default=python3 ;;           # whichever has PyTorch
*)
  sed -n '2,4s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
  exit 1
  ;;
esac
python=$(command -v "${PYTHON:-$default}") || {
  echo "error: there is no ${PYTHON:-$default}: install it, or name another in PYTHON" >&2
  exit 1
}
export PYTHONPATH="$here${PYTHONPATH:+:$PYTHONPATH}" PYTHONDONTWRITEBYTECODE=1
exec "$python" -m "gpu_check.$1" "${@:2}"
