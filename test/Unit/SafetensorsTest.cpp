#include "IO/Safetensors.h"
#include "IO/AsideFile.h"
#include "TemporaryFolder.h"

#include <cmath>
#include <cstring>
#include <gtest/gtest.h>
#include <sys/resource.h>

using namespace tpc;
using namespace tpc::runtime;

namespace {

std::string file(const std::string &header, const std::string &data) {
  uint64_t length = header.size();
  return std::string(reinterpret_cast<const char *>(&length), 8) + header + data;
}

TEST(Safetensors, ReadsWhatItWrites) {
  test::TemporaryFolder folder;
  SafetensorsLayout layout({{"a", "F32", {2, 2}}, {"scalar", "F64", {}}}, {{"format", "pt"}});
  EXPECT_EQ(layout.header().size() % 64, 0u);
  EXPECT_EQ(layout.size(), layout.header().size() + 24);
  float a[] = {1, 2, 3, 4};
  double scalar = 0.5;
  {
    AsideFile out(folder / "x.safetensors", layout.size());
    out.write(0, layout.header().data(), layout.header().size());
    out.write(layout.offset(0), a, sizeof(a));
    out.write(layout.offset(1), &scalar, sizeof(scalar));
    EXPECT_FALSE(std::filesystem::exists(folder / "x.safetensors"));
    out.commit();
  }
  EXPECT_EQ(folder.entries(), 1u);
  SafetensorsFile in(folder / "x.safetensors");
  ASSERT_EQ(in.tensors().size(), 2u);
  EXPECT_EQ(in.find("a")->shape, (std::vector<int64_t>{2, 2}));
  EXPECT_EQ(in.find("b"), nullptr);
  float values[2], half;
  readElements(*in.find("a"), 1, 2, values);
  EXPECT_EQ(values[0], 2);
  EXPECT_EQ(values[1], 3);
  readElements(*in.find("scalar"), 0, 1, &half);
  EXPECT_EQ(half, 0.5f);
}

TEST(Safetensors, ConvertsNarrowTypes) {
  // F16: 1.5 = 0x3e00, smallest subnormal 0x0001 = 2^-24, -inf = 0xfc00, largest 0x7bff = 65504.
  uint16_t halves[] = {0x3e00, 0x0001, 0xfc00, 0x7bff, 0x8000};
  StoredTensor tensor{"h", "F16", {5}, reinterpret_cast<char *>(halves), 10};
  float out[5];
  readElements(tensor, 0, 5, out);
  EXPECT_EQ(out[0], 1.5f);
  EXPECT_EQ(out[1], 0x1p-24f);
  EXPECT_EQ(out[2], -INFINITY);
  EXPECT_EQ(out[3], 65504.0f);
  EXPECT_TRUE(out[4] == 0 && std::signbit(out[4]));
  uint16_t bfloats[] = {0x3fc0, 0xc000}; // 1.5, -2
  readElements({"b", "BF16", {2}, reinterpret_cast<char *>(bfloats), 4}, 0, 2, out);
  EXPECT_EQ(out[0], 1.5f);
  EXPECT_EQ(out[1], -2.0f);
  EXPECT_ERROR(readElements({"i", "I32", {1}, reinterpret_cast<char *>(bfloats), 4}, 0, 1, out),
               "tensor 'i' has type I32");
}

TEST(Safetensors, RefusesDamagedFiles) {
  test::TemporaryFolder folder;
  const std::string good = R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})";
  auto expect = [&](const std::string &contents, const std::string &message) {
    std::string path = folder.write("bad.safetensors", contents);
    EXPECT_ERROR(SafetensorsFile{path}, message);
    EXPECT_ERROR(SafetensorsFile{path}, "bad.safetensors");
  };
  folder.write("good.safetensors", file(good, "12345678"));
  EXPECT_EQ(SafetensorsFile(folder / "good.safetensors").tensors().size(), 1u);
  EXPECT_ERROR(SafetensorsFile(folder / "none"), "No such file");
  expect("", "it is empty");
  expect("1234", "too few for a header");
  expect(file(good, "12345678").substr(0, 30), "truncated");
  expect(file(good, "1234567"), "lies outside the file");
  expect(file(good, "123456789"), "1 bytes at its end belong to no tensor");
  expect(file("{", ""), "no JSON");
  expect(file("[1]", ""), "no JSON object");
  expect(file(R"({"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}})", "12345678"),
         "its shape and type do not fill");
  expect(file(R"({"a":{"dtype":"F33","shape":[2],"data_offsets":[0,8]}})", "12345678"),
         "unknown type F33");
  expect(file(R"({"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}})", "12345678"),
         "negative size");
  expect(file(R"({"a":{"dtype":"F32","shape":[2]}})", "12345678"), "data_offsets");
  expect(file(R"({"a":{"dtype":"F32","shape":[4611686018427387905,4],"data_offsets":[0,8]}})",
              "12345678"),
         "its shape and type do not fill");
  expect(file(R"({"a":{"dtype":"U8","shape":[6],"data_offsets":[0,6]},)"
              R"("b":{"dtype":"U8","shape":[4],"data_offsets":[4,8]}})",
              "12345678"),
         "tensor 'b' overlaps");
  expect(file(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},)"
              R"("b":{"dtype":"U8","shape":[4],"data_offsets":[4,8]}})",
              "12345678"),
         "tensor 'b' leaves a gap");
  expect(file(R"({"a":{"dtype":"U8","shape":[8],"data_offsets":[0,8]},)"
              R"("a":{"dtype":"U8","shape":[8],"data_offsets":[0,8]}})",
              "12345678"),
         "tensor 'a' occurs twice");
}

TEST(AsideFile, LeavesNothingBehindWhenDropped) {
  test::TemporaryFolder folder;
  {
    AsideFile file(folder / "x", 100);
  }
  EXPECT_EQ(folder.entries(), 0u);
  EXPECT_ERROR(AsideFile(folder / "none/x", 1), "No such file");
}

TEST(AsideFile, AFullDiskIsAnErrorAndLeavesNothing) {
  test::TemporaryFolder folder;
  signal(SIGXFSZ, SIG_IGN);
  rlimit before, small;
  getrlimit(RLIMIT_FSIZE, &before);
  small = before, small.rlim_cur = 1000;
  setrlimit(RLIMIT_FSIZE, &small); // as a disk that takes no more than 1000 bytes
  EXPECT_ERROR(AsideFile(folder / "x", 5000), "cannot write");
  EXPECT_ERROR(
      {
        AsideFile file(folder / "y", 10);
        file.write(0, std::string(2000, 'x').data(), 2000);
      },
      "cannot write");
  setrlimit(RLIMIT_FSIZE, &before);
  EXPECT_EQ(folder.entries(), 0u);
}

} // namespace
