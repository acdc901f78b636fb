// The kernels of attention, as nvcc compiles them, on the processor.
#include "AttentionReference.h"
#include "Cuda/AttentionKernels.h"
#include "tpc/runtime/Error.h"
#include <cstring>
#include <cuda_bf16.h>

using namespace tpc;
using namespace tpc::runtime;
using namespace tpc::test;

namespace {
/// Elements of the operands' type in memory.
class Tensor {
public:
  Tensor(tpc_dtype dtype, const Values &values) : dtype(dtype) {
    if (dtype == TPC_F32)
      floats.assign(values.begin(), values.end());
    else
      for (double value : values)
        halves.push_back(__float2bfloat16(static_cast<float>(value)));
  }
  Tensor(tpc_dtype dtype, size_t count) : Tensor(dtype, Values(count, NAN)) {}
  char *data() {
    return dtype == TPC_F32 ? reinterpret_cast<char *>(floats.data())
                            : reinterpret_cast<char *>(halves.data());
  }
  std::vector<float> values() const {
    std::vector<float> result = floats;
    for (__nv_bfloat16 half : halves)
      result.push_back(__bfloat162float(half));
    return result;
  }

private:
  const tpc_dtype dtype;
  std::vector<float> floats;
  std::vector<__nv_bfloat16> halves;
};

void expectLikeDefinition(const tpc_attention_desc &desc, double tolerance) {
  AttentionReference reference(desc);
  Tensor q(desc.dtype, reference.q), k(desc.dtype, reference.k), v(desc.dtype, reference.v),
      dOut(desc.dtype, reference.dOut), out(desc.dtype, reference.q.size()),
      dQ(desc.dtype, reference.q.size()), dK(desc.dtype, reference.k.size()),
      dV(desc.dtype, reference.k.size()), logSumExp(TPC_F32, reference.logSumExp.size()),
      dots(TPC_F32, reference.logSumExp.size());
  cudaStream_t stream;
  cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking);
  giveAttention(desc, q.data(), k.data(), v.data(), out.data(), logSumExp.data(), stream);
  giveAttentionGrad(desc, q.data(), k.data(), v.data(), out.data(), logSumExp.data(), dOut.data(),
                    dQ.data(), dK.data(), dV.data(), dots.data(), stream);
  cudaStreamSynchronize(stream);
  cudaStreamDestroy(stream);
  expectClose("out", out.values(), reference.out, tolerance);
  expectClose("log_sum_exp", logSumExp.values(), reference.logSumExp, 1e-6);
  expectClose("d_q", dQ.values(), reference.dQ, tolerance);
  expectClose("d_k", dK.values(), reference.dK, tolerance);
  expectClose("d_v", dV.values(), reference.dV, tolerance);
}

TEST(CudaAttention, CausalGroupedOverSeveralBlocksAndTiles) {
  expectLikeDefinition({TPC_F32, 2, 70, 70, 3, 2, 64, 1, 0.25}, 1e-6);
}
TEST(CudaAttention, EveryHeadLength) { // of each kernel the longest and one that does not fill it
  for (int64_t head : {4, 32, 40, 64, 80, 128, 136, 256})
    expectLikeDefinition({TPC_F32, 1, 37, 37, 1, 2, head, 1, 0.1}, 1e-6);
}
TEST(CudaAttention, Full) { expectLikeDefinition({TPC_F32, 1, 70, 33, 1, 4, 8, 0, 0.3}, 1e-6); }
TEST(CudaAttention, MoreKeysThanQueries) {
  expectLikeDefinition({TPC_F32, 1, 20, 190, 2, 1, 8, 1, 0.3}, 1e-6);
}
TEST(CudaAttention, RowsThatSeeNothingAreZero) {
  expectLikeDefinition({TPC_F32, 1, 140, 50, 1, 2, 8, 1, 0.3}, 1e-6);
}
TEST(CudaAttention, LargeScoresDoNotOverflow) {
  expectLikeDefinition({TPC_F32, 1, 40, 40, 1, 1, 16, 1, 10}, 1e-5);
}
TEST(CudaAttention, Bf16SumsInF32) { // results are rounded once: 2^-9; gradients also see out's
  expectLikeDefinition({TPC_BF16, 1, 80, 80, 2, 2, 64, 1, 0.125}, 4e-3);
  expectLikeDefinition({TPC_BF16, 1, 40, 40, 1, 1, 128, 1, 0.1}, 4e-3);
}

TEST(CudaAttention, RefusesWhatItCannotDo) {
  auto messageOf = [](const tpc_attention_desc &desc) -> std::string {
    try {
      giveAttention(desc, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr);
    } catch (const Error &error) {
      return error.what();
    }
    return "no error";
  };
  EXPECT_EQ(messageOf({TPC_F32, 1, 1, 1, 1, 1, 257, 1, 1}),
            "attention on a GPU takes heads of up to 256 elements, got 257");
  EXPECT_NE(messageOf({TPC_F64, 1, 1, 1, 1, 1, 8, 1, 1}).find("works on f32 and bf16"),
            std::string::npos);
}
} // namespace
