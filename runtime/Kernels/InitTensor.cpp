#include "Device/CpuDevice.h"
#include "Device/Threads.h"
#include "Kernels/InitialValues.h"
#include "tpc/runtime/Context.h"

using namespace tpc::runtime;

void CpuDevice::initTensor(tpc_context &context, const tpc_init_desc &desc, const char *seed,
                           const char *scheme, const int64_t *offsets, char *out) {
  InitialValues values = {*reinterpret_cast<const uint64_t *>(seed),
                          *reinterpret_cast<const int32_t *>(scheme)};
  parallelFor(context.threads, countInitialRows(desc), 1, [&](int64_t begin, int64_t end) {
    drawInitialRows(desc, values, offsets, begin, end, out);
  });
}
