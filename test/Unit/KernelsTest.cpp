// Embedding, initialization and the splitting of launches.
#include "Kernels/RandomFill.h"
#include "RuntimeContext.h"
#include "tpc/runtime/BFloat16.h"
#include "tpc_random.h"

#include <cmath>
#include <gtest/gtest.h>
#include <numeric>

using namespace tpc;

namespace {

template <typename T>
char *raw(std::vector<T> &values) {
  return reinterpret_cast<char *>(values.data());
}

TEST(Embedding, RowsOutsideTheShardAreZero) {
  std::vector<int32_t> ids = {4, 6, 5, 3, -1};
  std::vector<float> table = {1, 2, 3, 4}, out(10, 9);
  auto context = test::makeContext(2);
  tpc_embedding(context.get(), TPC_F32, 5, 2, 2, 4, raw(ids), raw(table),
                raw(out)); // holds rows 4 and 5
  EXPECT_EQ(out, (std::vector<float>{1, 2, 0, 0, 3, 4, 0, 0, 0, 0}));
}

TEST(Embedding, GradientSumsEqualIdsInOrder) {
  std::vector<int32_t> ids = {5, 4, 5, 7, 5};
  std::vector<float> dOut = {1e8f, 1, 2, 2, -1e8f, 1, 9, 9, 1, 1}, dTable(6, 7);
  auto context = test::makeContext(2);
  tpc_embedding_grad(context.get(), TPC_F32, TPC_F32, 5, 3, 2, 4, raw(ids), raw(dOut), nullptr,
                     raw(dTable));
  EXPECT_EQ(dTable, (std::vector<float>{2, 2, 1, 3, 0, 0})); // (1e8 - 1e8) + 1, in this order
}

TEST(Embedding, GradientIsAddedAsASum) {
  std::vector<int32_t> ids = {1, 1};
  std::vector<float> dOut = {1, 1}, addend = {5, 16777216}, dTable(2, 7); // 2^24 + 1 is no float
  auto context = test::makeContext(2);
  auto add = [&](std::vector<float> &to) {
    tpc_embedding_grad(context.get(), TPC_F32, TPC_F32, 2, 2, 1, 0, raw(ids), raw(dOut),
                       raw(addend), raw(to));
  };
  add(dTable);
  EXPECT_EQ(dTable, (std::vector<float>{5, 16777218}));
  add(addend); // in place
  EXPECT_EQ(addend, dTable);
}

TEST(Embedding, GradientOfBf16IsSummedInFloat) {
  // bf16 has 8 bits: added one by one 256 would swallow the ones.
  std::vector<int32_t> ids = {0, 0, 0};
  std::vector<runtime::BFloat16> dOut;
  for (float value : {256.0f, 1.0f, 1.0f})
    dOut.emplace_back(value);
  std::vector<float> dTable(2, 7);
  auto context = test::makeContext();
  tpc_embedding_grad(context.get(), TPC_BF16, TPC_F32, 3, 2, 1, 0, raw(ids), raw(dOut), nullptr,
                     raw(dTable));
  EXPECT_EQ(dTable, (std::vector<float>{258, 0}));
}

TEST(Embedding, GradientRefusesToRound) {
  std::vector<int32_t> ids = {0};
  auto context = test::makeContext();
  tpc_embedding_grad(context.get(), TPC_BF16, TPC_BF16, 1, 1, 1, 0, raw(ids), raw(ids), nullptr,
                     raw(ids));
  EXPECT_NE(context->communicator->failure().find("got bf16 of bf16"), std::string::npos);
}

std::vector<float> initialize(tpc_init_desc desc, std::vector<int64_t> offsets, int32_t scheme,
                              int threads = 1) {
  int64_t size = std::accumulate(desc.local_shape, desc.local_shape + desc.rank, int64_t(1),
                                 std::multiplies<>());
  std::vector<float> out(static_cast<size_t>(size));
  auto context = test::makeContext(threads);
  std::vector<int64_t> seed = {42};
  tpc_init_tensor(context.get(), &desc, raw(seed), reinterpret_cast<char *>(&scheme),
                  offsets.data(), raw(out));
  return out;
}

TEST(InitTensor, ABoxHoldsTheValuesOfTheWhole) {
  tpc_init_desc whole = {"w", TPC_F32, TPC_LINEAR, 4, 0.02, 3, {4, 6, 8}, {4, 6, 8}};
  auto all = initialize(whole, {0, 0, 0}, 0);
  tpc_init_desc box = {"w", TPC_F32, TPC_LINEAR, 4, 0.02, 3, {4, 6, 8}, {2, 3, 4}};
  auto part = initialize(box, {2, 3, 4}, 0, 2);
  for (size_t i = 0; i < 2; ++i)
    for (size_t j = 0; j < 3; ++j)
      for (size_t k = 0; k < 4; ++k)
        EXPECT_EQ(part[(i * 3 + j) * 4 + k], all[((i + 2) * 6 + j + 3) * 8 + k + 4]);
}

TEST(InitTensor, FollowsTheGenerator) {
  tpc_init_desc desc = {"model.w", TPC_F32, TPC_LINEAR, 100, 0.5, 1, {64}, {64}};
  auto normal = initialize(desc, {0}, 0), uniform = initialize(desc, {0}, 1);
  uint64_t stream = tpc_random_stream("model.w");
  for (uint64_t i = 0; i < 64; ++i) {
    EXPECT_FLOAT_EQ(normal[i], static_cast<float>(0.5 * tpc_random_normal(42, stream, i)));
    EXPECT_FLOAT_EQ(uniform[i],
                    static_cast<float>(0.1 * (2 * tpc_random_uniform(42, stream, i) - 1)));
  }
}

TEST(RandomFill, EqualsTheGeneratorOneAtATime) {
  constexpr int64_t count = 10001;
  std::vector<double> normal(count), uniform(count);
  uint64_t first = (uint64_t(1) << 32) - 5000; // the index crosses 32 bits
  runtime::fillNormal(7, 99, first, count, 2, normal.data());
  runtime::fillUniform(7, 99, first, count, 2, uniform.data());
  for (int64_t i = 0; i < count; ++i) {
    uint64_t index = first + static_cast<uint64_t>(i);
    ASSERT_NEAR(normal[size_t(i)], 2 * tpc_random_normal(7, 99, index), 1e-13);
    ASSERT_EQ(uniform[size_t(i)], 2 * (2 * tpc_random_uniform(7, 99, index) - 1));
  }
}

TEST(InitTensor, MomentsOfTheSchemes) {
  tpc_init_desc desc = {"w", TPC_F32, TPC_LINEAR, 4, 0.02, 1, {100000}, {100000}};
  auto moments = [](const std::vector<float> &values) {
    double mean = 0, square = 0;
    for (float value : values)
      mean += value, square += double(value) * value;
    return std::make_pair(mean / double(values.size()), std::sqrt(square / double(values.size())));
  };
  auto [normalMean, normalDeviation] = moments(initialize(desc, {0}, 0));
  EXPECT_NEAR(normalMean, 0, 0.0003);
  EXPECT_NEAR(normalDeviation, 0.02, 0.0002);
  EXPECT_NEAR(moments(initialize(desc, {0}, 1)).second, 0.5 / std::sqrt(3), 0.003); // U(-1/2, 1/2)
  desc.kind = TPC_EMBEDDING;
  EXPECT_NEAR(moments(initialize(desc, {0}, 1)).second, 1, 0.01);
}

TEST(InitTensor, Constants) {
  tpc_init_desc desc = {"w", TPC_F32, TPC_NORM, 4, 0.02, 1, {3}, {3}};
  EXPECT_EQ(initialize(desc, {0}, 0), (std::vector<float>{1, 1, 1}));
  EXPECT_EQ(initialize(desc, {0}, 1), (std::vector<float>{1, 1, 1}));
  desc.kind = TPC_BIAS;
  EXPECT_EQ(initialize(desc, {0}, 0), (std::vector<float>{0, 0, 0}));
  for (float value : initialize(desc, {0}, 1)) // torch: like the weight, from fan_in
    EXPECT_TRUE(value != 0 && std::abs(value) <= 0.5);
}

std::vector<float> drop(tpc_dropout_desc desc, std::vector<int64_t> offsets, std::vector<float> x,
                        int threads = 1) {
  auto context = test::makeContext(threads);
  std::vector<int64_t> seed = {42};
  tpc_dropout(context.get(), &desc, raw(seed), offsets.data(), raw(x), raw(x)); // in place
  return x;
}

TEST(Dropout, KeepsWhatTheReferenceKeeps) {
  // Draws of test/reference/random_numpy.py: 0.506 0.709 0.207 0.816 0.653 0.631 0.178 0.623.
  tpc_dropout_desc desc = {"mlp", TPC_F32, 0.5, 1, {8}, {8}};
  EXPECT_EQ(drop(desc, {0}, {1, 2, 3, 4, 5, 6, 7, 8}),
            (std::vector<float>{2, 4, 0, 8, 10, 12, 0, 16}));
}

TEST(Dropout, ABoxHasTheMaskOfTheWhole) {
  tpc_dropout_desc whole = {"a", TPC_F32, 0.3, 2, {6, 1030}, {6, 1030}};
  auto all = drop(whole, {0, 0}, std::vector<float>(6 * 1030, 1));
  tpc_dropout_desc box = {"a", TPC_F32, 0.3, 2, {6, 1030}, {2, 515}};
  auto part = drop(box, {2, 515}, std::vector<float>(2 * 515, 1), 2);
  for (size_t i = 0; i < 2; ++i)
    for (size_t j = 0; j < 515; ++j)
      EXPECT_EQ(part[i * 515 + j], all[(i + 2) * 1030 + j + 515]);
}

TEST(Dropout, DroppedNaNIsZeroAndNoProbabilityKeepsAll) {
  tpc_dropout_desc desc = {"mlp", TPC_F32, 0.5, 1, {3}, {3}};
  EXPECT_EQ(drop(desc, {0}, {1, 1, NAN})[2], 0);
  desc.probability = 0;
  EXPECT_EQ(drop(desc, {0}, {1, 2, 3}), (std::vector<float>{1, 2, 3}));
}

TEST(Dropout, Bf16IsScaledInFloatAndRoundedOnce) {
  tpc_dropout_desc desc = {"mlp", TPC_BF16, 0.25, 1, {3}, {3}}; // draws 0.506 0.709 0.207
  std::vector<runtime::BFloat16> x;
  for (float value : {3.0f, 1.0f, 5.0f})
    x.emplace_back(value);
  auto context = test::makeContext();
  std::vector<int64_t> offsets = {0}, seed = {42};
  tpc_dropout(context.get(), &desc, raw(seed), offsets.data(), raw(x), raw(x));
  EXPECT_EQ(context->communicator->failure(), "");
  EXPECT_EQ(static_cast<float>(x[0]), 4.0f);       // 3 / 0.75
  EXPECT_EQ(static_cast<float>(x[1]), 1.3359375f); // 171/128: 4/3 in eight bits
  EXPECT_EQ(static_cast<float>(x[2]), 0.0f);
}

TEST(Dropout, RefusesIntegers) {
  tpc_dropout_desc desc = {"mlp", TPC_I32, 0.5, 1, {1}, {1}};
  std::vector<int64_t> offsets = {0};
  std::vector<int64_t> seed = {42};
  std::vector<float> x = {1};
  auto context = test::makeContext();
  tpc_dropout(context.get(), &desc, raw(seed), offsets.data(), raw(x), raw(x));
  EXPECT_NE(context->communicator->failure().find("got i32"), std::string::npos);
}

TEST(Launch, CoversEveryIterationOnceInPiecesOfTheGrain) {
  for (int threads : {1, 3, 8}) {
    std::vector<int64_t> begins(100, -1);
    char *buffers[] = {raw(begins)};
    auto context = test::makeContext(threads);
    tpc_launch(
        context.get(),
        [](char *const *buffers, int64_t begin, int64_t end) {
          for (int64_t i = begin; i < end; ++i)
            reinterpret_cast<int64_t *>(buffers[0])[i] += 1 + begin;
        },
        buffers, 100, 16);
    for (int64_t begin : begins)
      EXPECT_TRUE(begin >= 0 && begin % 16 == 0);
  }
}

} // namespace
