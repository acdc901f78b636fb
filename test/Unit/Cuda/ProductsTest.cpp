// Products on a GPU, and the libraries that compute them.
#include "DeviceFixture.h"

#include <fstream>

using namespace tpc;
using namespace tpc::runtime;

namespace {

/// The same on the processor.
std::vector<float> expected(const tpc_contract_desc &desc, std::vector<float> a,
                            std::vector<float> b, std::vector<float> c) {
  auto context = test::makeContext();
  auto raw = [](std::vector<float> &v) { return reinterpret_cast<char *>(v.data()); };
  tpc_contract(context.get(), &desc, raw(a), raw(b), raw(c));
  return c;
}

TEST_F(CudaDeviceTest, ProductsOfEveryOrder) {
  auto context = makeContext();
  constexpr int64_t batch = 2, m = 3, n = 5, k = 4;
  auto a = quarters(batch * m * k, 1), b = quarters(batch * k * n, 2),
       c = quarters(batch * m * n, 3);
  for (int order = 0; order < 32; ++order) {
    bool aRows = order & 1, bRows = order & 2, cRows = order & 4, sharedB = order & 8;
    tpc_contract_desc desc = {TPC_F32,
                              TPC_F32,
                              batch,
                              m,
                              n,
                              k,
                              m * k,
                              aRows ? k : 1,
                              aRows ? 1 : m,
                              sharedB ? 0 : k * n,
                              bRows ? n : 1,
                              bRows ? 1 : k,
                              m * n,
                              cRows ? n : 1,
                              cRows ? 1 : m,
                              (order & 16) != 0};
    auto da = put(*context, a), db = put(*context, b), dc = put(*context, c);
    tpc_contract(context.get(), &desc, da.get(), db.get(), dc.get());
    EXPECT_EQ(context->communicator->failure(), "");
    EXPECT_EQ(get<float>(*context, dc, c.size()), expected(desc, a, b, c)) << order;
  }
}

TEST_F(CudaDeviceTest, ProductsThatAddFromElsewhere) {
  auto context = makeContext();
  tpc_contract_desc desc = {TPC_F32, TPC_F32, 1, 3, 5, 4, 12, 4, 1, 20, 5, 1, 15, 5, 1, 1};
  auto a = quarters(12, 1), b = quarters(20, 2), addend = quarters(15, 3);
  auto da = put(*context, a), db = put(*context, b), added = put(*context, addend),
       dc = put(*context, std::vector<float>(15, 7));
  tpc_contract_add(context.get(), &desc, da.get(), db.get(), added.get(), dc.get());
  EXPECT_EQ(context->communicator->failure(), "");
  EXPECT_EQ(get<float>(*context, dc, 15), expected(desc, a, b, addend));
  EXPECT_EQ(get<float>(*context, added, 15), addend);
}

TEST_F(CudaDeviceTest, ProductsOfSingleRowsAndColumns) {
  auto context = makeContext();
  for (auto [m, n, k] : {std::array<int64_t, 3>{1, 5, 4}, {3, 1, 4}, {3, 5, 1}, {1, 1, 1}}) {
    auto a = quarters(static_cast<size_t>(m * k), 1), b = quarters(static_cast<size_t>(k * n), 2),
         c = quarters(static_cast<size_t>(m * n), 3);
    tpc_contract_desc desc = {TPC_F32, TPC_F32, 1, m, n,     k, m * k, k,
                              1,       k * n,   1, k, m * n, n, 1,     0};
    auto da = put(*context, a), db = put(*context, b), dc = put(*context, c);
    tpc_contract(context.get(), &desc, da.get(), db.get(), dc.get());
    EXPECT_EQ(get<float>(*context, dc, c.size()), expected(desc, a, b, c)) << m << n << k;
  }
}

TEST_F(CudaDeviceTest, AlgorithmsAreKept) {
  tpc_contract_desc desc = {TPC_F32, TPC_F32, 1, 2, 2, 2, 4, 2, 1, 4, 2, 1, 4, 2, 1, 0};
  std::vector<float> ones(4, 1);
  auto multiply = [&] {
    auto context = makeContext();
    auto a = put(*context, ones), c = put(*context, ones);
    tpc_contract(context.get(), &desc, a.get(), a.get(), c.get());
    EXPECT_EQ(context->communicator->failure(), "");
    EXPECT_EQ(get<float>(*context, c, 4), std::vector<float>(4, 2));
  };
  auto lines = [&] {
    std::ifstream file(folder / "cache/tpc/cublaslt-130100-Fake_GPU");
    std::vector<std::string> result;
    for (std::string line; std::getline(file, line);)
      result.push_back(line);
    return result;
  };
  multiply();
  ASSERT_EQ(lines().size(), 1u);
  EXPECT_NE(lines()[0].find("7470632066616b65"), std::string::npos);
  multiply(); // finds it
  EXPECT_EQ(lines().size(), 1u);
  std::string product = lines()[0].substr(0, lines()[0].find(' '));
  std::ofstream(folder / "cache/tpc/cublaslt-130100-Fake_GPU")
      << product << " 1 2\n" // too short
      << "nonsense\n"
      << product << " 5 0 0 0 0 0 0 0\n"; // another library's
  multiply();                             // asks again
  EXPECT_EQ(lines().size(), 4u);
}

TEST_F(CudaDeviceTest, ARehearsalChoosesAlgorithmsAndComputesNothing) {
  auto context = makeContext();
  auto a = put(*context, std::vector<float>(4, 1)), c = put(*context, std::vector<float>(4, 7));
  tpc_contract_desc desc = {TPC_F32, TPC_F32, 1, 2, 2, 2, 4, 2, 1, 4, 2, 1, 4, 2, 1, 0};
  auto choices = [&] {
    std::ifstream file(folder / "cache/tpc/cublaslt-130100-Fake_GPU");
    return std::count(std::istreambuf_iterator<char>(file), {}, '\n');
  };
  context->rehearsing = true;
  tpc_contract(context.get(), &desc, a.get(), a.get(), c.get());
  tpc_copy(context.get(), c.get(), a.get(), 4 * sizeof(float));
  EXPECT_EQ(get<float>(*context, c, 4), std::vector<float>(4, 7));
  EXPECT_EQ(choices(), 1);
  context->rehearsing = false;
  tpc_contract(context.get(), &desc, a.get(), a.get(), c.get());
  EXPECT_EQ(get<float>(*context, c, 4), std::vector<float>(4, 2));
  EXPECT_EQ(choices(), 1); // as rehearsed
}

TEST_F(CudaDeviceTest, AMissingOrOldLibraryIsNamed) {
  tpc_contract_desc desc = {TPC_F32, TPC_F32, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0};
  auto failure = [&] {
    auto context = makeContext();
    tpc_contract(context.get(), &desc, workspace.get(), workspace.get(), workspace.get());
    return context->communicator->failure();
  };
  setenv("TPC_CUBLASLT_LIBRARY", "/none/libcublasLt.so.13", 1);
  EXPECT_NE(failure().find("no cuBLASLt found on"), std::string::npos);
  EXPECT_NE(failure().find("nvidia-cublas"), std::string::npos);
  setenv("TPC_CUBLASLT_LIBRARY", FAKE_CUBLASLT, 1);
  setenv("FAKE_CUBLASLT_VERSION", "110803", 1);
  EXPECT_NE(failure().find("it is version 11.8; wanted is that of CUDA 12 or 13"),
            std::string::npos);
  unsetenv("FAKE_CUBLASLT_VERSION");
  setenv("FAKE_CUBLASLT_FULL", "1", 1);
  EXPECT_NE(failure().find("CUBLAS_STATUS_ALLOC_FAILED: the library finds no memory beside the "
                           "program's"),
            std::string::npos);
}

TEST_F(CudaDeviceTest, LibrariesThatAreNeededAreOpenedFirst) {
  setenv("TPC_CUBLASLT_LIBRARY", "/none/libcublasLt.so.13", 1);
  setenv("TPC_CUDNN_LIBRARY", "/none/libcudnn.so.9", 1);
  EXPECT_EQ(failureOf(options), "");
  options.products = true;
  EXPECT_NE(failureOf(options).find("no cuBLASLt found on"), std::string::npos);
  options.products = false, options.bf16HeadLength = 64;
  EXPECT_NE(failureOf(options).find("no cuDNN found on"), std::string::npos);
  options.bf16HeadLength = 20; // these heads are not cuDNN's
  EXPECT_EQ(failureOf(options), "");
  options.bf16HeadLength = 64;
  setenv("TPC_ATTENTION", "kernels", 1);
  EXPECT_EQ(failureOf(options), "");
}

TEST_F(CudaDeviceTest, AnOldOrFullAttentionLibraryIsNamed) {
  setenv("TPC_CUDNN_LIBRARY", FAKE_CUDNN, 1);
  options.bf16HeadLength = 64;
  EXPECT_EQ(failureOf(options), "");
  setenv("FAKE_CUDNN_VERSION", "90700", 1);
  EXPECT_NE(failureOf(options).find("it has version 90700; wanted is version 9.8 or newer of 9: "
                                    "install cudnn9-cuda-13"),
            std::string::npos)
      << failureOf(options);
  unsetenv("FAKE_CUDNN_VERSION");
  setenv("FAKE_CUDNN_FULL", "1", 1);
  EXPECT_NE(failureOf(options).find("DEVICE_ALLOCATION_FAILED (said by the fake): cuDNN finds no "
                                    "memory beside the program's; use a smaller --batch"),
            std::string::npos)
      << failureOf(options);
}

} // namespace
