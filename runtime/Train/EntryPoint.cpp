// `main` of a compiled program; a library of its own, so that tests can link the runtime without
// it.
#include "Train/Main.h"

int main(int argc, char **argv) {
  return tpc::runtime::runProgram(argc, argv, tpc_compiled_program);
}
