// A folder that lives as long as a test.
#ifndef TPC_TEST_UNIT_TEMPORARYFOLDER_H
#define TPC_TEST_UNIT_TEMPORARYFOLDER_H

#include "tpc/runtime/Error.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace tpc::test {

class TemporaryFolder {
public:
  TemporaryFolder() {
    std::string pattern = std::filesystem::temp_directory_path() / "tpc-test-XXXXXX";
    path = mkdtemp(pattern.data());
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  std::string operator/(const std::string &name) const { return path + "/" + name; }
  std::string write(const std::string &name, const std::string &text) const {
    std::filesystem::create_directories(std::filesystem::path(*this / name).parent_path());
    std::ofstream(*this / name, std::ios::binary) << text;
    return *this / name;
  }
  /// Names of all that is in the folder, for "nothing is left behind".
  size_t entries() const {
    return static_cast<size_t>(std::distance(std::filesystem::directory_iterator(path), {}));
  }

private:
  std::string path;
};

/// The message of the Error that `action` throws; empty if it throws none.
template <typename Action>
std::string messageOf(Action &&action) {
  try {
    action();
  } catch (const runtime::Error &error) {
    return error.what();
  }
  return "";
}

} // namespace tpc::test

#define EXPECT_ERROR(action, text)                                                                 \
  EXPECT_NE(tpc::test::messageOf([&] { action; }).find(text), std::string::npos)                   \
      << "got: " << tpc::test::messageOf([&] { action; })

#endif
