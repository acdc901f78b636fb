// tpc_contract against the definition, for every arrangement of strides that the compiler emits.
#include "Kernels/PlainContract.h"
#include "RuntimeContext.h"
#include "tpc/runtime/BFloat16.h"

#include <gtest/gtest.h>

using namespace tpc;

namespace {

/// Multiples of 1/4: every sum is exact, so all associations agree bitwise.
std::vector<float> quarters(size_t count, unsigned seed) {
  std::vector<float> values(count);
  for (float &value : values)
    value =
        static_cast<float>(static_cast<int>((seed = seed * 1664525u + 1013904223u) >> 28) - 8) / 4;
  return values;
}

void expectLikeDefinition(tpc_contract_desc desc, int threads = 1) {
  size_t size =
      4 * static_cast<size_t>((desc.batch + 1) * (desc.m + 2) * (desc.n + 2) * (desc.k + 2));
  auto a = quarters(size, 1), b = quarters(size, 2), expected = quarters(size, 3);
  auto got = expected;
  auto bytes = [](std::vector<float> &values) { return reinterpret_cast<char *>(values.data()); };
  runtime::contractPlain<float, double>(desc, bytes(a), bytes(b), bytes(expected));
  auto context = test::makeContext(threads);
  for (int repeat = 0; repeat < (desc.accumulate ? 1 : 2);
       ++repeat) // the second time from the cache
    tpc_contract(context.get(), &desc, bytes(a), bytes(b), bytes(got));
  EXPECT_EQ(context->communicator->failure(), "");
  EXPECT_EQ(got, expected); // also: nothing outside C is written
}

/// Row-major A, B, C of the batch, then changed by the tests.
tpc_contract_desc plain(int64_t batch, int64_t m, int64_t n, int64_t k) {
  return {TPC_F32, TPC_F32, batch, m, n, k, m * k, k, 1, k * n, n, 1, m * n, n, 1, 0};
}

TEST(Contract, RowMajor) { expectLikeDefinition(plain(1, 17, 33, 9)); }
TEST(Contract, Accumulates) {
  auto desc = plain(2, 5, 7, 11);
  desc.accumulate = 1;
  expectLikeDefinition(desc);
}
TEST(Contract, TransposedOperands) {
  auto desc = plain(1, 17, 33, 9);
  desc.a_m = 1, desc.a_k = 17;
  expectLikeDefinition(desc);
  desc.b_k = 1, desc.b_n = 9;
  expectLikeDefinition(desc);
  desc.a_m = 9, desc.a_k = 1;
  expectLikeDefinition(desc);
}
TEST(Contract, TransposedResult) {
  auto desc = plain(3, 4, 6, 5);
  desc.c_m = 1, desc.c_n = 4;
  expectLikeDefinition(desc);
  desc.accumulate = 1;
  expectLikeDefinition(desc);
}
TEST(Contract, LeadingDimensionsLargerThanTheMatrix) {
  auto desc = plain(1, 8, 8, 8);
  desc.a_m = 10, desc.b_k = 9, desc.c_m = 11;
  expectLikeDefinition(desc);
}
TEST(Contract, OneOperandForTheWholeBatch) {
  auto desc = plain(4, 3, 5, 7);
  desc.b_batch = 0;
  expectLikeDefinition(desc);
  desc = plain(4, 3, 5, 7);
  desc.a_batch = 0;
  expectLikeDefinition(desc);
}
TEST(Contract, InterleavedBatch) { // heads side by side: [m, batch, k]
  auto desc = plain(3, 4, 5, 6);
  desc.a_batch = 6, desc.a_m = 18;
  desc.c_batch = 5, desc.c_m = 15;
  expectLikeDefinition(desc);
}
TEST(Contract, SizesOfOne) {
  for (int shape = 0; shape < 8; ++shape)
    expectLikeDefinition(plain(1, shape & 1 ? 1 : 6, shape & 2 ? 1 : 7, shape & 4 ? 1 : 5));
  auto desc = plain(1, 1, 7, 5); // a row taken from a column-major matrix
  desc.a_m = 1, desc.a_k = 9;
  expectLikeDefinition(desc);
  desc = plain(1, 6, 1, 5); // a column written as a row
  desc.c_m = 1, desc.c_n = 6;
  expectLikeDefinition(desc);
}
/// What is added lies elsewhere and stays what it is.
void expectAddsFromElsewhere(tpc_contract_desc desc, int threads = 1) {
  desc.accumulate = 1;
  size_t size = 4 * static_cast<size_t>((desc.batch + 1) * (desc.m + 2) * (desc.n + 2));
  size_t factors = static_cast<size_t>(desc.batch * (desc.m + desc.n) * desc.k);
  auto a = quarters(factors, 1), b = quarters(factors, 2), addend = quarters(size, 3),
       kept = addend, expected = addend;
  std::vector<float> got(size, 7);
  auto bytes = [](std::vector<float> &values) { return reinterpret_cast<char *>(values.data()); };
  runtime::contractPlain<float, double>(desc, bytes(a), bytes(b), bytes(expected));
  auto context = test::makeContext(threads);
  tpc_contract_add(context.get(), &desc, bytes(a), bytes(b), bytes(addend), bytes(got));
  EXPECT_EQ(context->communicator->failure(), "");
  EXPECT_EQ(addend, kept);
  for (int64_t batch = 0; batch < desc.batch; ++batch)
    for (int64_t m = 0; m < desc.m; ++m)
      for (int64_t n = 0; n < desc.n; ++n) {
        auto at = static_cast<size_t>(batch * desc.c_batch + m * desc.c_m + n * desc.c_n);
        EXPECT_EQ(got[at], expected[at]) << batch << " " << m << " " << n;
        got[at] = 7;
      }
  EXPECT_EQ(got, std::vector<float>(size, 7)); // nothing outside C is written
}

TEST(Contract, AddsFromElsewhere) {
  expectAddsFromElsewhere(plain(1, 17, 33, 9), 3);
  auto desc = plain(3, 4, 6, 5); // by columns
  desc.c_m = 1, desc.c_n = 4;
  expectAddsFromElsewhere(desc);
  desc = plain(3, 4, 5, 6); // heads side by side
  desc.c_batch = 5, desc.c_m = 15;
  expectAddsFromElsewhere(desc);
  desc = plain(1, 6, 1, 5); // a column
  expectAddsFromElsewhere(desc);
  expectAddsFromElsewhere(plain(2, 3, 4, 0)); // a sum of nothing
}

TEST(Contract, ThreadsDoNotChangeBits) { expectLikeDefinition(plain(1, 130, 70, 65), 3); }

TEST(Contract, DoublePrecision) {
  std::vector<double> a = {1, 2, 3, 4}, b = {1, 0, 0, 1e-12}, c(4);
  auto desc = plain(1, 2, 2, 2);
  desc.dtype = desc.result_dtype = TPC_F64;
  auto context = test::makeContext();
  tpc_contract(context.get(), &desc, reinterpret_cast<char *>(a.data()),
               reinterpret_cast<char *>(b.data()), reinterpret_cast<char *>(c.data()));
  EXPECT_EQ(c, (std::vector<double>{1, 2e-12, 3, 4e-12}));
}

/// Multiples of 1/4 of bf16; `result` is of bf16 or f32, in which small sums of their products are
/// exact.
template <typename Result>
void expectNarrowLikeDefinition(tpc_dtype resultType, bool accumulate) {
  auto narrow = [](size_t count, unsigned seed) {
    std::vector<runtime::BFloat16> values;
    for (float value : quarters(count, seed))
      values.emplace_back(value);
    return values;
  };
  auto bytes = [](auto &values) { return reinterpret_cast<char *>(values.data()); };
  auto a = narrow(2 * 3, 1), b = narrow(4 * 3, 2);
  std::vector<Result> expected(2 * 4, Result(1.0f)), got = expected;
  tpc_contract_desc desc = {TPC_BF16, resultType, 1, 2, 4, 3, 0, 3,
                            1,        0,          1, 3, 0, 4, 1, accumulate}; // B transposed
  runtime::contractPlain<runtime::BFloat16, float, Result>(desc, bytes(a), bytes(b),
                                                           bytes(expected));
  auto context = test::makeContext();
  for (int repeat = 0; repeat < (accumulate ? 1 : 2); ++repeat)
    tpc_contract(context.get(), &desc, bytes(a), bytes(b), bytes(got));
  EXPECT_EQ(context->communicator->failure(), "");
  for (size_t i = 0; i < got.size(); ++i)
    EXPECT_EQ(static_cast<float>(got[i]), static_cast<float>(expected[i]));
}

TEST(Contract, Bfloat16) { expectNarrowLikeDefinition<runtime::BFloat16>(TPC_BF16, false); }
TEST(Contract, Bfloat16ToFloat) { expectNarrowLikeDefinition<float>(TPC_F32, false); }
TEST(Contract, Bfloat16AccumulatesIntoFloat) { expectNarrowLikeDefinition<float>(TPC_F32, true); }

TEST(Contract, RoundsTheSumOnce) {
  // 256 + 1 + 1 is 258 in f32, which bf16 has; adding one by one in bf16 stays at 256.
  std::vector<runtime::BFloat16> a, ones;
  for (float value : {256.0f, 1.0f, 1.0f})
    a.emplace_back(value), ones.emplace_back(1.0f);
  runtime::BFloat16 got(0.0f);
  tpc_contract_desc desc = {TPC_BF16, TPC_BF16, 1, 1, 1, 3, 0, 3, 1, 0, 1, 1, 0, 1, 1, 0};
  auto context = test::makeContext();
  tpc_contract(context.get(), &desc, reinterpret_cast<char *>(a.data()),
               reinterpret_cast<char *>(ones.data()), reinterpret_cast<char *>(&got));
  EXPECT_EQ(context->communicator->failure(), "");
  EXPECT_EQ(static_cast<float>(got), 258.0f);
}

TEST(Contract, OnlyBfloat16HasResultsOfAnotherType) {
  auto desc = plain(1, 2, 2, 2);
  desc.result_dtype = TPC_BF16;
  auto context = test::makeContext();
  char bytes[64] = {};
  tpc_contract(context.get(), &desc, bytes, bytes, bytes);
  EXPECT_NE(context->communicator->failure().find("in f32 to bf16: only bf16 has results"),
            std::string::npos);
}

TEST(Contract, RefusesMatricesWithoutContiguousRowsOrColumns) {
  auto desc = plain(1, 2, 2, 2);
  desc.a_m = 4, desc.a_k = 2;
  auto context = test::makeContext();
  char bytes[64] = {};
  tpc_contract(context.get(), &desc, bytes, bytes, bytes);
  EXPECT_NE(context->communicator->failure().find("contiguous in neither direction"),
            std::string::npos);
}

TEST(Contract, RefusesIntegers) {
  auto desc = plain(1, 2, 2, 2);
  desc.dtype = desc.result_dtype = TPC_I32;
  auto context = test::makeContext();
  char bytes[64] = {};
  tpc_contract(context.get(), &desc, bytes, bytes, bytes);
  EXPECT_NE(context->communicator->failure().find("contraction of element type i32"),
            std::string::npos);
}

} // namespace
