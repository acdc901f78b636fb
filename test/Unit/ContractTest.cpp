// tpc_contract against the definition, for every arrangement of strides that the compiler emits.
#include "Kernels/PlainContract.h"
#include "RuntimeContext.h"

#include <cstring>
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
  return {TPC_F32, batch, m, n, k, m * k, k, 1, k * n, n, 1, m * n, n, 1, 0};
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
TEST(Contract, ThreadsDoNotChangeBits) { expectLikeDefinition(plain(1, 130, 70, 65), 3); }

TEST(Contract, DoublePrecision) {
  std::vector<double> a = {1, 2, 3, 4}, b = {1, 0, 0, 1e-12}, c(4);
  auto desc = plain(1, 2, 2, 2);
  desc.dtype = TPC_F64;
  auto context = test::makeContext();
  tpc_contract(context.get(), &desc, reinterpret_cast<char *>(a.data()),
               reinterpret_cast<char *>(b.data()), reinterpret_cast<char *>(c.data()));
  EXPECT_EQ(c, (std::vector<double>{1, 2e-12, 3, 4e-12}));
}

TEST(Contract, Bfloat16) {
  auto round = [](float value) {
    uint32_t bits;
    std::memcpy(&bits, &value, sizeof(bits));
    return static_cast<uint16_t>(bits >> 16); // multiples of 1/4 up to 2 are exact
  };
  auto a = quarters(2 * 3, 1), b = quarters(4 * 3, 2);
  std::vector<uint16_t> narrowA, narrowB, got(2 * 4);
  for (float value : a)
    narrowA.push_back(round(value));
  for (float value : b)
    narrowB.push_back(round(value));
  tpc_contract_desc desc = {TPC_BF16, 1, 2, 4, 3, 0, 3, 1, 0, 1, 3, 0, 4, 1, 0}; // B transposed
  auto context = test::makeContext();
  for (int repeat = 0; repeat < 2; ++repeat)
    tpc_contract(context.get(), &desc, reinterpret_cast<char *>(narrowA.data()),
                 reinterpret_cast<char *>(narrowB.data()), reinterpret_cast<char *>(got.data()));
  if (context->communicator->failed()) { // a processor without bf16 says so
    EXPECT_NE(context->communicator->failure().find("oneDNN refuses"), std::string::npos);
    return;
  }
  for (size_t i = 0; i < 2; ++i)
    for (size_t j = 0; j < 4; ++j) {
      float sum = 0;
      for (size_t k = 0; k < 3; ++k)
        sum += a[i * 3 + k] * b[j * 3 + k];
      EXPECT_EQ(got[i * 4 + j], round(sum));
    }
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
  desc.dtype = TPC_I32;
  auto context = test::makeContext();
  char bytes[64] = {};
  tpc_contract(context.get(), &desc, bytes, bytes, bytes);
  EXPECT_NE(context->communicator->failure().find("contraction of element type i32"),
            std::string::npos);
}

} // namespace
