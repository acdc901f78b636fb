// The hand-made program as the executable that tpc-compile would link: argument of the integration
// tests.
#include "HandMadeProgram.h"

#include <cstdlib>

#ifndef TPC_HAND_MADE_RANKS
#define TPC_HAND_MADE_RANKS 2
#endif

static const std::string manifest = tpc::test::handMadeManifest(TPC_HAND_MADE_RANKS);
extern "C" const tpc_program tpc_compiled_program = {manifest.data(),
                                                     static_cast<int64_t>(manifest.size()),
                                                     tpc::test::handMadeEntries(),
                                                     tpc::test::handMadeEntryCount,
                                                     &tpc_cpu_backend,
                                                     nullptr};
