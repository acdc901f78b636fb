#include "IO/TokenData.h"
#include "TemporaryFolder.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
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

TEST(TokenData, RefusesTheOtherWidthOfALargeVocabulary) {
  constexpr uint32_t vocabulary = 128256; // Llama 3: the upper halves of tokens are 0 and 1
  test::TemporaryFolder folder;
  std::vector<uint32_t> wide;
  std::vector<uint16_t> narrow;
  for (uint32_t i = 0; i < 4096; ++i) {
    wide.push_back(i * 2654435761u % vocabulary);
    narrow.push_back(static_cast<uint16_t>(i * 2654435761u >> 16));
  }
  auto path = folder.write("wide.bin", bytes(wide));
  EXPECT_ERROR(TokenData(path, "u16", 4, vocabulary), "looks like 32-bit tokens");
  EXPECT_EQ(TokenData(path, "u32", 4, vocabulary).tokens(), 4096);
  path = folder.write("narrow.bin", bytes(narrow));
  EXPECT_ERROR(TokenData(path, "u32", 4, vocabulary), "looks like 16-bit tokens");
  EXPECT_EQ(TokenData(path, "u16", 4, vocabulary).tokens(), 4096);
}

TEST(TokenData, TokensOfAlmostNoVariationHaveAnyWidth) {
  test::TemporaryFolder folder;
  std::vector<uint16_t> narrow(64, 1);
  EXPECT_EQ(TokenData(folder.write("ones.bin", bytes(narrow)), "u16", 4, 128256).tokens(), 64);
}

TEST(TokenData, ReadsTheRestOnce) {
  test::TemporaryFolder folder;
  TokenData data(folder.write("a.txt", "abcdefghijk"), "u16", 4, 256); // two sequences, two targets
  EXPECT_EQ(data.sequences(), 2);
  EXPECT_EQ(data.sequencesWithRest(), 3);
  auto read = [&](int64_t number, int shift) {
    std::vector<int32_t> out(4);
    data.readOnce(number, 0, 4, shift, -7, out.data());
    return out;
  };
  EXPECT_EQ(read(1, 1), (std::vector<int32_t>{'f', 'g', 'h', 'i'}));
  EXPECT_EQ(read(2, 0), (std::vector<int32_t>{'i', 'j', 'k', -7}));
  EXPECT_EQ(read(2, 1), (std::vector<int32_t>{'j', 'k', -7, -7}));
  EXPECT_EQ(read(3, 0), (std::vector<int32_t>(4, -7)));
  int32_t last;
  data.readOnce(2, 1, 1, 1, -7, &last); // from a column
  EXPECT_EQ(last, 'k');
  EXPECT_EQ(TokenData(folder.write("b.txt", "abcdefghi"), "u16", 4, 256).sequencesWithRest(), 2);
}

TEST(TokenData, TheDigestDependsOnEveryTokenThatIsUsed) {
  test::TemporaryFolder folder;
  std::string text(1003, 'a');
  auto digest = [&](int64_t sequences) {
    return TokenData(folder.write("a.txt", text), "u16", 4, 256).digest(sequences);
  };
  uint64_t all = digest(1000), first = digest(10);
  EXPECT_EQ(digest(250), all); // 250 sequences and two targets more
  EXPECT_NE(first, all);
  for (size_t at : {0, 7, 31, 32, 40, 41, 500, 999, 1000, 1002}) {
    text[at] = 'b';
    EXPECT_NE(digest(1000), all) << at;
    EXPECT_EQ(digest(10) == first, at > 40) << at; // ten sequences of four and a target
    text[at] = 'a';
  }
  text[3] = 'x';
  uint64_t one = digest(1000);
  std::swap(text[3], text[600]);
  EXPECT_NE(digest(1000), one); // order counts
  text += 'a';
  EXPECT_NE(digest(10), first); // and the length
}

TEST(TokenData, RefusesWhatIsNoRegularFile) {
  test::TemporaryFolder folder;
  std::string pipe = folder / "pipe.bin";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_ERROR(TokenData(pipe, "u16", 4, 256), "it is not a regular file");
  std::filesystem::create_symlink("/dev/zero", folder / "zero.bin");
  EXPECT_ERROR(TokenData(folder / "zero.bin", "u16", 4, 256), "it is not a regular file");
  std::filesystem::create_directory(folder / "folder.bin");
  EXPECT_ERROR(TokenData(folder / "folder.bin", "u16", 4, 256), "it is a folder");
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
