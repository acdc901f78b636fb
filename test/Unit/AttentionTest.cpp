// Attention and its gradient against float64 loops over the definition.
#include "RuntimeContext.h"

#include <cmath>
#include <gtest/gtest.h>
#include <numeric>

using namespace tpc;

namespace {

using Values = std::vector<double>;

struct Reference {
  tpc_attention_desc desc;
  Values q, k, v, dOut, out, logSumExp, dQ, dK, dV;

  explicit Reference(const tpc_attention_desc &desc) : desc(desc) {
    size_t queries =
        static_cast<size_t>(desc.batch * desc.queries * desc.kv_heads * desc.group * desc.head_dim);
    size_t keys = static_cast<size_t>(desc.batch * desc.keys * desc.kv_heads * desc.head_dim);
    q = random(queries, 1), dOut = random(queries, 2), k = random(keys, 3), v = random(keys, 4);
    out.resize(queries), dQ.resize(queries), dK.resize(keys), dV.resize(keys);
    logSumExp.resize(queries / static_cast<size_t>(desc.head_dim));
    for (int64_t b = 0; b < desc.batch; ++b)
      for (int64_t i = 0; i < desc.queries; ++i)
        for (int64_t head = 0; head < desc.kv_heads * desc.group; ++head)
          row(b, i, head);
  }

  static Values random(size_t count, unsigned seed) {
    Values values(count);
    for (double &value : values) // representable in f32, so both sides start from the same numbers
      value =
          static_cast<float>(((seed = seed * 1664525u + 1013904223u) >> 8) / double(1 << 23) - 1);
    return values;
  }

  void row(int64_t b, int64_t i, int64_t head) {
    int64_t heads = desc.kv_heads * desc.group, dim = desc.head_dim;
    auto query = [&](Values &values) {
      return values.data() + ((b * desc.queries + i) * heads + head) * dim;
    };
    auto key = [&](Values &values, int64_t j) {
      return values.data() + ((b * desc.keys + j) * desc.kv_heads + head / desc.group) * dim;
    };
    auto dot = [&](const double *x, const double *y) {
      return std::inner_product(x, x + dim, y, 0.0);
    };
    int64_t visible =
        desc.causal ? std::max<int64_t>(0, i + 1 + desc.keys - desc.queries) : desc.keys;
    double &lse = logSumExp[static_cast<size_t>((b * desc.queries + i) * heads + head)];
    Values p(static_cast<size_t>(visible));
    double sum = 0;
    for (int64_t j = 0; j < visible; ++j)
      sum += p[size_t(j)] = std::exp(desc.scale * dot(query(q), key(k, j)));
    lse = std::log(sum);
    for (int64_t j = 0; j < visible; ++j)
      for (int64_t d = 0; d < dim; ++d)
        query(out)[d] += (p[size_t(j)] / sum) * key(v, j)[d];
    double delta = dot(query(dOut), query(out));
    for (int64_t j = 0; j < visible; ++j) {
      double probability = p[size_t(j)] / sum;
      double dScore = probability * (dot(query(dOut), key(v, j)) - delta) * desc.scale;
      for (int64_t d = 0; d < dim; ++d) {
        query(dQ)[d] += dScore * key(k, j)[d];
        key(dK, j)[d] += dScore * query(q)[d];
        key(dV, j)[d] += probability * query(dOut)[d];
      }
    }
  }
};

struct Result {
  std::vector<float> out, logSumExp, dQ, dK, dV;
};

Result run(const Reference &reference, int threads) {
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

void expectClose(const char *what, const std::vector<float> &got, const Values &expected,
                 double tolerance) {
  double error = 0, norm = 0;
  ASSERT_EQ(got.size(), expected.size());
  for (size_t i = 0; i < got.size(); ++i) {
    if (std::isinf(expected[i])) {
      EXPECT_EQ(got[i], expected[i]) << what;
      continue;
    }
    error += (got[i] - expected[i]) * (got[i] - expected[i]), norm += expected[i] * expected[i];
  }
  EXPECT_LE(std::sqrt(error), tolerance * std::sqrt(norm)) << what;
}

void expectLikeDefinition(const tpc_attention_desc &desc, double tolerance = 1e-6) {
  Reference reference(desc);
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
