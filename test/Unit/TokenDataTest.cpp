#include "IO/TokenData.h"
#include "TemporaryFolder.h"

#include <gtest/gtest.h>
#include <vector>

using namespace tpc;
using namespace tpc::runtime;

namespace {

template <typename T>
std::string bytes(const std::vector<T> &values) {
  return std::string(reinterpret_cast<const char *>(values.data()), values.size() * sizeof(T));
}

TEST(TokenData, SequencesTargetsAndEpochs) {
  test::TemporaryFolder folder;
  TokenData data(folder.write("a.txt", "abcdefghi"), "u16", 4, 256); // 9 tokens: 2 sequences
  EXPECT_EQ(data.sequences(), 2);
  int32_t out[4];
  data.read(1, 0, 4, 0, out);
  EXPECT_EQ(std::vector<int32_t>(out, out + 4), (std::vector<int32_t>{'e', 'f', 'g', 'h'}));
  data.read(1, 0, 4, 1, out);
  EXPECT_EQ(std::vector<int32_t>(out, out + 4), (std::vector<int32_t>{'f', 'g', 'h', 'i'}));
  data.read(2, 2, 2, 0, out); // wrapped to sequence 0, from column 2
  EXPECT_EQ(out[0], 'c');
  EXPECT_EQ(data.epoch(1), 0);
  EXPECT_EQ(data.epoch(2), 1);
  EXPECT_EQ(data.epoch(5), 2);
}

TEST(TokenData, Binary) {
  test::TemporaryFolder folder;
  int32_t out[2];
  TokenData narrow(folder.write("a.bin", bytes<uint16_t>({5, 65535, 7})), "u16", 2, 65536);
  narrow.read(0, 0, 2, 1, out);
  EXPECT_EQ(out[0], 65535);
  EXPECT_EQ(out[1], 7);
  TokenData wide(folder.write("b.bin", bytes<uint32_t>({70000, 1, 2})), "u32", 2, 70001);
  wide.read(0, 0, 2, 0, out);
  EXPECT_EQ(out[0], 70000);
}

TEST(TokenData, RefusesTheOtherWidth) {
  test::TemporaryFolder folder;
  std::vector<uint32_t> wide;
  std::vector<uint16_t> narrow;
  for (uint32_t i = 0; i < 64; ++i)
    wide.push_back(i * 7 % 50), narrow.push_back(static_cast<uint16_t>(1 + i * 7 % 50));
  auto path = folder.write("wide.bin", bytes(wide));
  EXPECT_ERROR(TokenData(path, "u16", 4, 50), "looks like 32-bit tokens: give --data-dtype u32");
  EXPECT_EQ(TokenData(path, "u32", 4, 50).tokens(), 64);
  path = folder.write("narrow.bin", bytes(narrow));
  EXPECT_ERROR(TokenData(path, "u32", 4, 51), "looks like 16-bit tokens: give --data-dtype u16");
  EXPECT_EQ(TokenData(path, "u16", 4, 51).tokens(), 64);
}

TEST(TokenData, RefusesBadFiles) {
  test::TemporaryFolder folder;
  EXPECT_ERROR(TokenData(folder / "none.txt", "u16", 4, 256), "No such file");
  EXPECT_ERROR(TokenData(folder.write("empty.txt", ""), "u16", 4, 256), "it is empty");
  EXPECT_ERROR(TokenData(folder.write("a.txt", "abcd"), "u16", 4, 256),
               "has 4 tokens, one sequence and its targets need 5");
  EXPECT_ERROR(TokenData(folder.write("a.bin", "abc"), "u16", 1, 256), "not a multiple of 2");
  EXPECT_ERROR(TokenData(folder.write("a.tok", "abc"), "u16", 1, 256), "must end in .txt");
  EXPECT_ERROR(TokenData(folder.write("a.txt", "abc"), "u8", 1, 256), "--data-dtype must be");
  EXPECT_ERROR(TokenData(folder.write("a.bin", bytes<uint16_t>({1, 2, 300, 4})), "u16", 2, 300),
               "token 300 at position 2 is not below the model's vocabulary of 300");
}

} // namespace
