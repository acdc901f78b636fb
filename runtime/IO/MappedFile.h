// A file mapped for reading.
#ifndef TPC_RUNTIME_IO_MAPPEDFILE_H
#define TPC_RUNTIME_IO_MAPPEDFILE_H

#include <cstddef>
#include <string>

namespace tpc::runtime {

/// The bytes of a regular file for as long as this object lives. Pages are read when touched.
class MappedFile {
public:
  /// Throws Error naming the path: missing, unreadable, a folder, empty.
  explicit MappedFile(const std::string &path);
  ~MappedFile();
  MappedFile(MappedFile &&other) noexcept;
  MappedFile(const MappedFile &) = delete;
  MappedFile &operator=(const MappedFile &) = delete;

  const char *data() const { return bytes; }
  size_t size() const { return length; }
  const std::string &path() const { return name; }

private:
  std::string name;
  const char *bytes = nullptr;
  size_t length = 0;
};

/// The whole file as text; the same errors.
std::string readTextFile(const std::string &path);

} // namespace tpc::runtime

#endif
