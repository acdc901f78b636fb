// Attention and its gradient against float64 loops over the definition.
#include "AttentionReference.h"
#include "RuntimeContext.h"

#include <cmath>
#include <gtest/gtest.h>
#include <numeric>

using namespace tpc;
using namespace tpc::test;

namespace {

struct Result {
  std::vector<float> out, logSumExp, dQ, dK, dV;
};

Result run(const AttentionReference &reference, int threads) {
  const tpc_attention_desc &desc = reference.desc;
  auto narrow = [](const Values &values) {
    return std::vector<float>(values.begin(), values.end());
  };
  auto q = narrow(reference.q), k = narrow(reference.k), v = narrow(reference.v),
       dOut = narrow(reference.dOut);
  Result result;
  result.out.assign(q.size(), NAN), result.dQ.assign(q.size(), NAN);
  result.dK.assign(k.size(), NAN), result.dV.assign(v.size(), NAN);
  result.logSumExp.assign(reference.logSumExp.size(), NAN);
  int64_t bytes =
      4 * (2 * TPC_ATTENTION_BLOCK * desc.keys + 3 * TPC_ATTENTION_BLOCK * desc.head_dim) + 4096;
  std::vector<char> workspace(static_cast<size_t>(bytes * threads));
  auto raw = [](std::vector<float> &values) { return reinterpret_cast<char *>(values.data()); };
  auto context = test::makeContext(threads);
  tpc_attention(context.get(), &desc, raw(q), raw(k), raw(v), raw(result.out),
                raw(result.logSumExp), workspace.data());
  tpc_attention_grad(context.get(), &desc, raw(q), raw(k), raw(v), raw(result.out),
                     raw(result.logSumExp), raw(dOut), raw(result.dQ), raw(result.dK),
                     raw(result.dV), workspace.data());
  EXPECT_FALSE(context->communicator->failed());
  return result;
}

void expectLikeDefinition(const tpc_attention_desc &desc, double tolerance = 1e-6) {
  AttentionReference reference(desc);
  Result one = run(reference, 1), three = run(reference, 3);
  expectClose("out", one.out, reference.out, tolerance);
  expectClose("log_sum_exp", one.logSumExp, reference.logSumExp, tolerance);
  expectClose("d_q", one.dQ, reference.dQ, tolerance);
  expectClose("d_k", one.dK, reference.dK, tolerance);
  expectClose("d_v", one.dV, reference.dV, tolerance);
  EXPECT_TRUE(one.out == three.out && one.dQ == three.dQ && one.dK == three.dK &&
              one.dV == three.dV);
}

TEST(Attention, CausalGroupedOverSeveralBlocks) {
  expectLikeDefinition({TPC_F32, 2, 150, 150, 3, 2, 16, 1, 0.25});
}
TEST(Attention, Full) { expectLikeDefinition({TPC_F32, 1, 70, 33, 1, 4, 8, 0, 0.3}); }
TEST(Attention, MoreKeysThanQueries) {
  expectLikeDefinition({TPC_F32, 1, 20, 90, 2, 1, 8, 1, 0.3});
}
TEST(Attention, RowsThatSeeNothingAreZero) {
  expectLikeDefinition({TPC_F32, 1, 140, 50, 1, 2, 8, 1, 0.3});
}
TEST(Attention, OneToken) { expectLikeDefinition({TPC_F32, 1, 1, 1, 1, 1, 4, 1, 0.5}); }
TEST(Attention, LargeScoresDoNotOverflow) { // scores up to about 80, whose rounding alone is 4e-6
  expectLikeDefinition({TPC_F32, 1, 40, 40, 1, 1, 16, 1, 10}, 1e-5);
}

TEST(Attention, RefusesOtherElementTypes) {
  tpc_attention_desc desc = {TPC_BF16, 1, 1, 1, 1, 1, 1, 1, 1};
  auto context = test::makeContext();
  tpc_attention(context.get(), &desc, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr);
  EXPECT_NE(context->communicator->failure().find("attention works on f32, got bf16"),
            std::string::npos);
}

} // namespace
