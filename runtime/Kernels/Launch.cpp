#include "Device/Profile.h"
#include "Device/Threads.h"
#include "tpc/runtime/Context.h"

extern "C" void tpc_launch(tpc_context *context, tpc_kernel kernel, char *const *buffers,
                           int64_t extent, int64_t grain) {
  tpc::runtime::ProfileScope scope(context, "launch");
  tpc::runtime::parallelFor(context->threads, extent, grain,
                            [=](int64_t begin, int64_t end) { kernel(buffers, begin, end); });
}
