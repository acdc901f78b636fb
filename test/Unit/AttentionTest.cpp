// Attention and its gradient against float64 loops over the definition.
#include "Kernels/Attention.h"
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

template <typename Element>
Result run(const AttentionReference &reference, int threads) {
  const tpc_attention_desc &desc = reference.desc;
  auto narrow = [](const Values &values) {
    std::vector<Element> result;
    for (double value : values)
      result.emplace_back(static_cast<float>(value));
    return result;
  };
  auto q = narrow(reference.q), k = narrow(reference.k), v = narrow(reference.v),
       dOut = narrow(reference.dOut);
  const Element nan(NAN);
  std::vector<Element> out(q.size(), nan), dQ(q.size(), nan), dK(k.size(), nan), dV(v.size(), nan);
  std::vector<float> logSumExp(reference.logSumExp.size(), NAN);
  std::vector<char> workspace(static_cast<size_t>(runtime::attentionWorkspace(desc) * threads));
  auto raw = [](auto &values) { return reinterpret_cast<char *>(values.data()); };
  auto context = test::makeContext(threads);
  tpc_attention(context.get(), &desc, raw(q), raw(k), raw(v), raw(out), raw(logSumExp),
                workspace.data());
  tpc_attention_grad(context.get(), &desc, raw(q), raw(k), raw(v), raw(out), raw(logSumExp),
                     raw(dOut), raw(dQ), raw(dK), raw(dV), workspace.data());
  EXPECT_FALSE(context->communicator->failed());
  auto widen = [](const std::vector<Element> &values) {
    std::vector<float> result;
    for (Element value : values)
      result.push_back(static_cast<float>(value));
    return result;
  };
  return {widen(out), logSumExp, widen(dQ), widen(dK), widen(dV)};
}

template <typename Element = float>
void expectLikeDefinition(const tpc_attention_desc &desc, double tolerance = 1e-6) {
  AttentionReference reference(desc);
  Result one = run<Element>(reference, 1), three = run<Element>(reference, 3);
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

// Rounding to bf16 is off by up to 2^-8 of a value. out is rounded, and the probabilities that its
// sum takes. Its rounding changes each row's dot(d_out, out), which all scores' cotangents share,
// and these are rounded before they are summed, and the sum is: four roundings.
constexpr double kFourRoundings = 4.0 / 256;

TEST(Attention, Bfloat16CausalGroupedOverSeveralBlocks) {
  expectLikeDefinition<runtime::BFloat16>({TPC_BF16, 2, 150, 150, 3, 2, 16, 1, 0.25},
                                          kFourRoundings);
}
TEST(Attention, Bfloat16Full) {
  expectLikeDefinition<runtime::BFloat16>({TPC_BF16, 1, 70, 33, 1, 4, 8, 0, 0.3}, kFourRoundings);
}
TEST(Attention, Bfloat16RowsThatSeeNothingAreZero) {
  expectLikeDefinition<runtime::BFloat16>({TPC_BF16, 1, 140, 50, 1, 2, 8, 1, 0.3}, kFourRoundings);
}

TEST(Attention, RefusesOtherElementTypes) {
  tpc_attention_desc desc = {TPC_F64, 1, 1, 1, 1, 1, 1, 1, 1};
  auto context = test::makeContext();
  tpc_attention(context.get(), &desc, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr);
  EXPECT_NE(context->communicator->failure().find("attention works on f32 and bf16, got f64"),
            std::string::npos);
}

} // namespace
