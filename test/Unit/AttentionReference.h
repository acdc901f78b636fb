// Attention and its gradient by definition, in float64.
#ifndef TPC_TEST_UNIT_ATTENTIONREFERENCE_H
#define TPC_TEST_UNIT_ATTENTIONREFERENCE_H

#include "tpc_runtime.h"
#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <numeric>
#include <vector>

namespace tpc::test {

using Values = std::vector<double>;

struct AttentionReference {
  tpc_attention_desc desc;
  Values q, k, v, dOut, out, logSumExp, dQ, dK, dV;

  explicit AttentionReference(const tpc_attention_desc &desc) : desc(desc) {
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

  /// Numbers of [-1, 1) that elements of the operands' type hold exactly.
  Values random(size_t count, unsigned seed) const {
    int64_t steps = desc.dtype == TPC_BF16 ? 1 << 7 : 1 << 23;
    Values values(count);
    for (double &value : values) {
      seed = seed * 1664525u + 1013904223u;
      value = std::floor((seed >> 8) / double(1 << 23) * static_cast<double>(steps)) /
                  static_cast<double>(steps) -
              1;
    }
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

/// The distance is at most `tolerance` of the expected norm; infinities are equal.
inline void expectClose(const char *what, const std::vector<float> &got, const Values &expected,
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

} // namespace tpc::test

#endif
