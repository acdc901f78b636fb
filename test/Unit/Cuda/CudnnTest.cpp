// cuDNN's plans for attention, made for a device that is described but not there.
#include "Cuda/CudnnAttention.h"
#include "Cuda/GpuAttention.h"
#include "tpc/runtime/Error.h"
#include <cstdlib>
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <optional>
#include <unistd.h>

using namespace tpc::runtime;

namespace {
/// What cuDNN wants to know of a device of this architecture.
std::string propertiesOf(int architecture) {
  struct Chip {
    int architecture, processors, sharedBytes;
  };
  for (const Chip &chip : {Chip{80, 108, 166912}, Chip{90, 132, 232448}, Chip{100, 148, 232448},
                           Chip{120, 188, 101376}})
    if (chip.architecture == architecture)
      return "{\"deviceVer\": " + std::to_string(10 * architecture) +
             ", \"multiProcessorCount\": " + std::to_string(chip.processors) +
             ", \"maxSharedMemoryPerBlockOptin\": " + std::to_string(chip.sharedBytes) +
             R"(, "maxGridSize": [2147483647, 65535, 65535], "maxBlockSize": [1024, 1024, 64],
  "regsPerBlock": 65536, "warpSize": 32, "maxSharedMemoryPerBlock": 49152,
  "reservedSharedMemoryPerBlock": 1024, "maxRegistersPerSM": 65536, "maxCtasPerSM": 32,
  "maxThreadsPerBlock": 1024, "maxThreadsPerSM": 2048, "pciDeviceId": 9013, "isTccDriver": 0,
  "supportCoopLaunch": 1, "smClockRateKHz": 1980000, "memClockRateKHz": 3201000,
  "l2CacheSize": 62914560, "deviceName": "described", "driverVer": 13000,
  "totalGlobalMem": 85899345920, "cudaDeviceId": 0})";
  return "{}";
}

/// cuDNN where it is installed.
class Cudnn : public testing::Test {
protected:
  void SetUp() override {
    dlopen(FAKE_DRIVER, RTLD_NOW | RTLD_GLOBAL); // cuDNN asks for it by name, and finds this one
    if (access(CUDNN_FILE, R_OK) == 0)
      setenv("TPC_CUDNN_LIBRARY", CUDNN_FILE, 0);
    try {
      library.emplace();
    } catch (const Error &) {
      GTEST_SKIP() << "no cuDNN on this machine";
    }
  }
  int64_t workspaceOf(const tpc_attention_desc &desc, bool gradient, int architecture = 90) {
    return CudnnAttention(*library, desc, gradient, {nullptr, propertiesOf(architecture)})
        .workspaceBytes();
  }
  std::optional<CudnnLibrary> library;
};

TEST_F(Cudnn, PlansOfEveryArchitectureFitIntoThePlannedWorkspace) {
  for (int architecture : {80, 90, 100, 120}) // 500 queries: no tile divides them
    for (bool gradient : {false, true}) {
      tpc_attention_desc desc = {TPC_BF16, 2, 500, 500, 2, 4, 128, 1, 0.125};
      int64_t needed = workspaceOf(desc, gradient, architecture);
      int64_t planned = attentionWorkspaceBytes(desc, gradient, architecture);
      EXPECT_LE(needed, planned) << "sm_" << architecture << " gradient " << gradient;
      EXPECT_GE(needed, planned - 256) << "sm_" << architecture << " gradient " << gradient;
    }
}

TEST_F(Cudnn, PlansOfShorterHeadsWithoutGroupsAndWithoutMask) {
  for (const tpc_attention_desc &desc :
       {tpc_attention_desc{TPC_BF16, 2, 512, 512, 2, 4, 64, 1, 0.125},
        tpc_attention_desc{TPC_BF16, 1, 256, 256, 4, 1, 64, 1, 0.125},
        tpc_attention_desc{TPC_BF16, 1, 256, 512, 4, 1, 64, 0, 0.125}}) {
    EXPECT_LE(workspaceOf(desc, false), attentionWorkspaceBytes(desc, false, 90));
    EXPECT_LE(workspaceOf(desc, true), attentionWorkspaceBytes(desc, true, 90));
  }
}

TEST(CudnnWorkspace, ByHand) { // 2 * 8 * 500 rows of 128: 4 r d + 4 r + 4 r d + 256
  tpc_attention_desc desc = {TPC_BF16, 2, 500, 500, 2, 4, 128, 1, 0.125};
  EXPECT_EQ(attentionWorkspaceBytes(desc, true, 90), 8224256);
  EXPECT_EQ(attentionWorkspaceBytes(desc, true, 80), 8224256 + 4 * 2 * 8 * 504 * 128);
  desc.dtype = TPC_F32;
  EXPECT_EQ(attentionWorkspaceBytes(desc, true, 90), 4 * 8000);
  EXPECT_EQ(attentionWorkspaceBytes(desc, false, 90), 0);
}

TEST_F(Cudnn, RefusalsSayWhy) {
  tpc_attention_desc desc = {TPC_BF16, 1, 256, 256, 4, 1, 64, 1, 0.125};
  try {
    CudnnAttention(*library, desc, false, {nullptr, "{}"});
    FAIL() << "a device without properties was taken";
  } catch (const Error &error) {
    EXPECT_NE(std::string(error.what()).find("cuDNN refuses the properties of a device: "),
              std::string::npos)
        << error.what();
  }
}

TEST(CudnnChoice, WhatGoesToOwnKernels) {
  EXPECT_TRUE(cudnnTakes({TPC_BF16, 1, 256, 256, 4, 1, 64, 1, 1}));
  EXPECT_FALSE(cudnnTakes({TPC_F32, 1, 256, 256, 4, 1, 64, 1, 1}));
  EXPECT_FALSE(cudnnTakes({TPC_BF16, 1, 256, 512, 4, 1, 64, 1, 1}));
  EXPECT_TRUE(cudnnTakes({TPC_BF16, 1, 256, 512, 4, 1, 64, 0, 1}));
  EXPECT_FALSE(cudnnTakes({TPC_BF16, 1, 256, 256, 4, 1, 20, 1, 1}));
}

TEST(CudnnChoice, TheVariableNamesOneOfTwo) {
  setenv("TPC_ATTENTION", "flash", 1);
  try {
    GpuAttention attention(nullptr, 90, false);
    FAIL() << "taken";
  } catch (const Error &error) {
    EXPECT_STREQ(error.what(), "TPC_ATTENTION must be cudnn or kernels, got 'flash'");
  }
  unsetenv("TPC_ATTENTION");
}

TEST(CudnnChoice, AMissingLibraryIsNamedWithTheRemedy) {
  setenv("TPC_CUDNN_LIBRARY", "/nowhere/libcudnn.so.9", 1);
  try {
    CudnnLibrary library;
    FAIL() << "opened";
  } catch (const Error &error) {
    std::string text = error.what();
    for (const char *part : {"no cuDNN found on ", "9.8 or newer", "install cudnn9", "/nowhere/"})
      EXPECT_NE(text.find(part), std::string::npos) << text;
  }
  unsetenv("TPC_CUDNN_LIBRARY");
}
} // namespace
