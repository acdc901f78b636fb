// A GPU as a device: its memory, the order of its work, the ops that are no products.
#include "DeviceFixture.h"

using namespace tpc;
using namespace tpc::runtime;

namespace {

TEST_F(CudaDeviceTest, MemoryIsZeroAndCopiesKeepTheirOrder) {
  auto context = makeContext();
  auto memory = context->device->allocate(64);
  EXPECT_EQ(get<char>(*context, memory, 64), std::vector<char>(64, 0));
  std::vector<int> source = {1};
  for (int i = 0; i < 100; ++i) { // the source changes while copies are under way
    source[0] = i;
    context->device->copyFromHost(memory.get(), source.data(), 4);
    context->device->copy(memory.get() + 4, memory.get(), 4);
  }
  EXPECT_EQ(get<int>(*context, memory, 2), (std::vector<int>{99, 99}));
  context->device->fillZero(memory.get(), 4);
  EXPECT_EQ(get<int>(*context, memory, 2), (std::vector<int>{0, 99}));
}

TEST_F(CudaDeviceTest, MoreThanTheStagingMemoryHolds) {
  auto context = makeContext();
  size_t piece = Staging::capacity / 8, pieces = 20;
  auto memory = context->device->allocate(piece * pieces);
  std::vector<char> source(piece);
  for (size_t i = 0; i < pieces; ++i) {
    std::fill(source.begin(), source.end(), static_cast<char>(i));
    context->device->copyFromHost(memory.get() + i * piece, source.data(), piece);
  }
  auto all = get<char>(*context, memory, piece * pieces);
  for (size_t i = 0; i < pieces; ++i)
    EXPECT_EQ(all[i * piece + piece - 1], static_cast<char>(i));
  std::vector<char> large(Staging::capacity, 'x');
  context->device->copyFromHost(memory.get(), large.data(), large.size());
  EXPECT_EQ(get<char>(*context, memory, large.size()), large);
}

TEST_F(CudaDeviceTest, ComputationGivesWayToCommunication) {
  test::fakeStreamPriorities().clear();
  auto context = makeContext();
  EXPECT_EQ(test::fakeStreamPriorities(), std::vector<int>{0}); // the lowest
}

/// y = n x, by the device's "code".
void scaleKernel(char *const *arguments) {
  auto factor = static_cast<float>(reinterpret_cast<intptr_t>(arguments[1]));
  *reinterpret_cast<float *>(arguments[2]) = factor * *reinterpret_cast<float *>(arguments[0]);
}

TEST_F(CudaDeviceTest, LaunchesKernelsWithTheirArguments) {
  auto context = makeContext();
  static const test::FakeKernel code[] = {{"scale", 3, scaleKernel}, {nullptr, 0, nullptr}};
  tpc_program program = {};
  program.device_code = reinterpret_cast<const char *>(code);
  context->device->load(program);
  auto x = put<float>(*context, {3}), y = put<float>(*context, {0});
  char *arguments[] = {x.get(), reinterpret_cast<char *>(intptr_t(5)), y.get()};
  tpc_device_kernel_desc desc = {"scale", 3, 7, 128, 64};
  tpc_launch_device(context.get(), &desc, arguments);
  arguments[1] = nullptr; // the launch has its own
  EXPECT_EQ(get<float>(*context, y, 1), std::vector<float>{15});
  EXPECT_EQ(test::fakeLaunches(), std::vector<std::string>{"scale <<<7, 128, 64>>>"});
  desc.name = "none";
  tpc_launch_device(context.get(), &desc, arguments);
  EXPECT_NE(context->communicator->failure().find("finding kernel none failed"), std::string::npos);
}

//===-- marks and recordings ---------------------------------------------------===//

TEST_F(CudaDeviceTest, MarksComeWithTheWorkBeforeThem) {
  auto context = makeContext();
  Device &device = *context->device;
  auto memory = device.allocate(8);
  auto host = device.allocateHost(8);
  for (int round = 0; round < 50; ++round) {
    auto begin = device.mark();
    for (int i = 0; i < 8; ++i)
      device.copyFromHost(memory.get(), &round, sizeof(round));
    device.fetch(host.get(), memory.get(), sizeof(round));
    auto end = device.mark();
    end->wait();
    EXPECT_EQ(*reinterpret_cast<int *>(host.get()), round);
    EXPECT_GT(end->secondsSince(*begin), 0);
  }
}

TEST_F(CudaDeviceTest, RecordedWorkIsDoneWhenItIsReplayed) {
  auto context = makeContext();
  Device &device = *context->device;
  static const test::FakeKernel code[] = {{"scale", 3, scaleKernel}, {nullptr, 0, nullptr}};
  tpc_program program = {};
  program.device_code = reinterpret_cast<const char *>(code);
  device.load(program);
  auto x = put<float>(*context, {3}), y = put<float>(*context, {1}), z = put<float>(*context, {2});
  device.beginRecording();
  EXPECT_TRUE(device.isRecording());
  char *arguments[] = {x.get(), reinterpret_cast<char *>(intptr_t(5)), y.get()};
  tpc_device_kernel_desc desc = {"scale", 3, 1, 32, 0};
  tpc_launch_device(context.get(), &desc, arguments);
  tpc_copy(context.get(), z.get(), y.get(), 4);
  auto recording = device.endRecording();
  EXPECT_FALSE(device.isRecording());
  EXPECT_EQ(get<float>(*context, z, 1), std::vector<float>{2});
  for (float value : {3.0f, 4.0f}) {
    device.copyFromHost(x.get(), &value, sizeof(value));
    device.replay(*recording);
    EXPECT_EQ(get<float>(*context, z, 1), std::vector<float>{5 * value});
  }
  EXPECT_EQ(context->communicator->failure(), "");
}

TEST_F(CudaDeviceTest, WhatWaitsOrAllocatesCannotBeRecorded) {
  auto context = makeContext();
  Device &device = *context->device;
  auto memory = put<float>(*context, {3});
  float value;
  for (bool allocates : {false, true}) {
    device.beginRecording();
    if (allocates)
      EXPECT_THROW(device.allocate(64), Error);
    else
      EXPECT_THROW(device.copyToHost(&value, memory.get(), sizeof(value)), Error);
    try {
      device.endRecording();
      FAIL() << "recorded";
    } catch (const Error &error) {
      EXPECT_NE(std::string(error.what()).find("recording a step as a CUDA graph failed"),
                std::string::npos);
    }
    EXPECT_EQ(get<float>(*context, memory, 1), std::vector<float>{3}); // as before
  }
}

TEST_F(CudaDeviceTest, AProcessorRecordsNothing) {
  EXPECT_THROW(test::makeContext()->device->beginRecording(), Error);
}

//===-- embedding, initial values, dropout -------------------------------------===//

TEST_F(CudaDeviceTest, EmbeddingAndItsGradientAsOnAProcessor) {
  auto gpu = makeContext();
  auto cpu = test::makeContext();
  std::vector<int32_t> ids = {4, 6, 3, 6, 9, 4, 6};
  for (int64_t width : {4, 3}) { // rows of 16 bytes, and of no multiple of that
    auto table = quarters(static_cast<size_t>(3 * width), 1);
    std::vector<float> dOut(7 * static_cast<size_t>(width));
    for (size_t i = 0; i < dOut.size(); ++i)
      dOut[i] = 1.0f / static_cast<float>(i + 3); // sums depend on their order
    std::vector<float> out(dOut.size()), dTable(table.size());
    auto raw = [](auto &v) { return reinterpret_cast<char *>(v.data()); };
    tpc_embedding(cpu.get(), TPC_F32, 7, 3, width, 4, raw(ids), raw(table), raw(out));
    auto i = put(*gpu, ids), t = put(*gpu, table), d = put(*gpu, dOut);
    auto o = gpu->device->allocate(out.size() * 4);
    tpc_embedding(gpu.get(), TPC_F32, 7, 3, width, 4, i.get(), t.get(), o.get());
    EXPECT_EQ(get<float>(*gpu, o, out.size()), out);
    for (bool adds : {false, true}) {
      tpc_embedding_grad(cpu.get(), TPC_F32, TPC_F32, 7, 3, width, 4, raw(ids), raw(dOut),
                         adds ? raw(table) : nullptr, raw(dTable));
      auto apart = put(*gpu, dOut), inPlace = put(*gpu, table);
      tpc_embedding_grad(gpu.get(), TPC_F32, TPC_F32, 7, 3, width, 4, i.get(), d.get(),
                         adds ? t.get() : nullptr, apart.get());
      tpc_embedding_grad(gpu.get(), TPC_F32, TPC_F32, 7, 3, width, 4, i.get(), d.get(),
                         adds ? inPlace.get() : nullptr, inPlace.get());
      EXPECT_EQ(get<float>(*gpu, apart, dTable.size()), dTable);
      EXPECT_EQ(get<float>(*gpu, inPlace, dTable.size()), dTable);
    }
  }
  tpc_embedding_grad(gpu.get(), TPC_F64, TPC_F64, 1, 1, 1, 0, nullptr, nullptr, nullptr, nullptr);
  EXPECT_NE(gpu->communicator->failure().find("embedding gradients on a GPU are f32"),
            std::string::npos);
}

TEST_F(CudaDeviceTest, TheSameDrawsAsOnAProcessor) {
  auto gpu = makeContext();
  auto cpu = test::makeContext();
  std::vector<int64_t> seed = {42}, offsets = {2, 3};
  std::vector<int32_t> scheme = {0};
  auto raw = [](auto &v) { return reinterpret_cast<char *>(v.data()); };
  tpc_init_desc init = {"w", TPC_F32, TPC_LINEAR, 4, 0.02, 2, {6, 8}, {3, 4}};
  std::vector<float> x(12), y = quarters(12, 1);
  tpc_init_tensor(cpu.get(), &init, raw(seed), raw(scheme), offsets.data(), raw(x));
  auto s = put(*gpu, seed), h = put(*gpu, scheme), dx = put(*gpu, y), dy = put(*gpu, y);
  tpc_init_tensor(gpu.get(), &init, s.get(), h.get(), offsets.data(), dx.get());
  EXPECT_EQ(get<float>(*gpu, dx, 12), x);
  tpc_dropout_desc dropout = {"mlp", TPC_F32, 0.4, 2, {6, 8}, {3, 4}};
  tpc_dropout(cpu.get(), &dropout, raw(seed), offsets.data(), raw(y), raw(y));
  tpc_dropout(gpu.get(), &dropout, s.get(), offsets.data(), dy.get(), dy.get());
  EXPECT_EQ(get<float>(*gpu, dy, 12), y);
}

} // namespace
