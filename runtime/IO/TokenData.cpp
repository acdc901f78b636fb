#include "IO/TokenData.h"
#include "IO/Digest.h"
#include "tpc/runtime/Error.h"

#include <algorithm>
#include <cstring>

namespace tpc::runtime {
namespace {

constexpr int64_t widthSample = 1 << 16;    ///< tokens looked at to judge the width
constexpr int64_t checkedAtStart = 1 << 26; ///< tokens compared with the vocabulary before training

bool endsWith(const std::string &text, const std::string &end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

TokenWidth widthOf(const std::string &path, const std::string &dtype) {
  if (dtype != "u16" && dtype != "u32")
    throw Error("--data-dtype must be u16 or u32, got " + dtype);
  if (endsWith(path, ".txt"))
    return TokenWidth::Byte;
  if (endsWith(path, ".bin"))
    return dtype == "u32" ? TokenWidth::U32 : TokenWidth::U16;
  throw Error("data file " + path + " must end in .txt (bytes) or .bin (tokens)");
}

template <typename T>
T at(const char *data, int64_t index) {
  T value;
  std::memcpy(&value, data + index * static_cast<int64_t>(sizeof(T)), sizeof(T));
  return value;
}

} // namespace

TokenData::TokenData(const std::string &path, const std::string &dtype, int64_t sequence,
                     int64_t vocabulary)
    : file(path), width(widthOf(path, dtype)), sequence(sequence), vocabulary(vocabulary),
      count(static_cast<int64_t>(file.size()) / static_cast<int64_t>(width)) {
  if (file.size() % static_cast<size_t>(width))
    throw Error("data file " + path + " has " + std::to_string(file.size()) +
                " bytes, not a multiple of " + std::to_string(static_cast<int>(width)) +
                " (see --data-dtype)");
  if (count < sequence + 1)
    throw Error("data file " + path + " has " + std::to_string(count) +
                " tokens, one sequence and its targets need " + std::to_string(sequence + 1));
  checkWidth();
  checkRange(0, std::min(count, checkedAtStart));
}

int64_t TokenData::token(int64_t position) const {
  switch (width) {
  case TokenWidth::Byte:
    return at<uint8_t>(file.data(), position);
  case TokenWidth::U16:
    return at<uint16_t>(file.data(), position);
  case TokenWidth::U32:
    break;
  }
  return at<uint32_t>(file.data(), position);
}

/// 32-bit tokens read as 16-bit ones have at every odd place the upper half of a token: zero, or,
/// for vocabularies above 65536, a very small number.
bool TokenData::looksLikeU32() const {
  int64_t size = std::min(count, widthSample) / 2 * 2, mostUpper = (vocabulary - 1) >> 16;
  bool odd = false, even = false;
  for (int64_t i = 0; i < size; i += 2)
    even |= token(i) > mostUpper, odd |= token(i + 1) > mostUpper;
  return count >= 16 && even && !odd;
}

/// 16-bit tokens read as 32-bit ones are nearly all far too large while both halves are fine.
bool TokenData::looksLikeU16() const {
  int64_t size = std::min(count, widthSample), packed = 0;
  for (int64_t i = 0; i < size; ++i) {
    int64_t low = token(i) & 0xffff, high = token(i) >> 16;
    packed += token(i) >= vocabulary && low < vocabulary && high < vocabulary;
  }
  return packed > size / 2;
}

void TokenData::checkWidth() const {
  if (width == TokenWidth::U16 && looksLikeU32())
    throw Error("data file " + path() + " looks like 32-bit tokens: give --data-dtype u32");
  if (width == TokenWidth::U32 && looksLikeU16())
    throw Error("data file " + path() + " looks like 16-bit tokens: give --data-dtype u16");
}

void TokenData::checkRange(int64_t begin, int64_t end) const {
  for (int64_t position = begin; position < end; ++position)
    if (token(position) >= vocabulary)
      throw Error("data file " + path() + ": token " + std::to_string(token(position)) +
                  " at position " + std::to_string(position) +
                  " is not below the model's vocabulary of " + std::to_string(vocabulary));
}

void TokenData::read(int64_t number, int64_t column, int64_t size, int shift, int32_t *out) const {
  int64_t begin = number % sequences() * sequence + column + shift;
  checkRange(begin, begin + size);
  for (int64_t i = 0; i < size; ++i)
    out[i] = static_cast<int32_t>(token(begin + i));
}

void TokenData::readOnce(int64_t number, int64_t column, int64_t size, int shift, int32_t fill,
                         int32_t *out) const {
  int64_t begin = number * sequence + column + shift;
  int64_t there = std::clamp<int64_t>(count - begin, 0, size);
  checkRange(begin, begin + there);
  for (int64_t i = 0; i < size; ++i)
    out[i] = i < there ? static_cast<int32_t>(token(begin + i)) : fill;
}

uint64_t TokenData::digest(int64_t sequences) const {
  int64_t tokens = sequences < this->sequences() ? sequences * sequence + 1 : count;
  return digestOf(file.data(), static_cast<size_t>(tokens) * static_cast<size_t>(width),
                  file.size());
}

} // namespace tpc::runtime
