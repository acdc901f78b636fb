#!/usr/bin/env bash
# Installs packages, builds, and runs every test. The last line is "N passed, N failed, N skipped", counted from the
# reports of the runners; the exit status is 0 only if something ran and nothing failed.
# TPC_PRESET chooses the CMake preset (release), TPC_JOBS the number of parallel jobs (one per core).
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
preset=${TPC_PRESET:-release}
jobs=${TPC_JOBS:-$(nproc)}
case $preset in release | dev) build=build ;; *) build=build-$preset ;; esac
reports=$PWD/$build/test-reports
python=/usr/bin/python3
status=0

step() { printf '\n== %s\n' "$1"; }
fail() {
  echo "error: $1" >&2
  echo "0 passed, 0 failed, 0 skipped"
  exit 1
}
suite() { # suite NAME COMMAND...: a runner that fails fails the whole, even if its report shows no failure
  step "$1"
  shift
  "$@" || status=1
}

step packages
tools/install-packages.sh || fail "packages could not be installed"
step "build ($preset)"
cmake --preset "$preset" >"/tmp/tpc-configure.$$" || { cat "/tmp/tpc-configure.$$"; fail "the build could not be configured"; }
rm -f "/tmp/tpc-configure.$$"
cmake --build --preset "$preset" -j "$jobs" || fail "the build failed"
cmake --build --preset "$preset" -j "$jobs" --target tpc-unit-tests || fail "the unit tests could not be built"

rm -rf "$reports" && mkdir -p "$reports"
export PYTHONDONTWRITEBYTECODE=1
suite "lit" "$python" /usr/lib/llvm-22/bin/lit -s -v -j "$jobs" --xunit-xml-output "$reports/lit.xml" "$build/test"
fuzz_seed=${TPC_FUZZ_SEED:-$(git log -1 --format=%ct 2>/dev/null || date +%s)}
suite "fuzz: 2000 new cases, TPC_FUZZ_SEED=$fuzz_seed" "$build/bin/tpc-fuzz" --cases 2000 --seed "$fuzz_seed"
suite "unit" ctest --test-dir "$build" -j "$jobs" --output-on-failure --output-junit "$reports/unit.xml" --progress
suite "python" "$python" -m pytest -q -p no:cacheprovider --junitxml "$reports/python.xml" test/Python test/reference
suite "integration" env TPC_BUILD="$PWD/$build" "$python" -m pytest -q -p no:cacheprovider --durations 8 \
  --junitxml "$reports/integration.xml" test/Integration

step result
"$python" tools/count-tests.py "$reports"/{lit,unit,python,integration}.xml || status=1
exit $status
