// Writing a file so that its name only ever shows complete contents.
#ifndef TPC_RUNTIME_IO_ASIDEFILE_H
#define TPC_RUNTIME_IO_ASIDEFILE_H

#include <cstdint>
#include <string>

namespace tpc::runtime {

/// A file written beside its final name (`NAME.partial`) and renamed when complete. Dropped without
/// commit(), it leaves nothing behind. Every function throws Error naming the file and the reason
/// (no space left, ...).
class AsideFile {
public:
  /// Creates the file and reserves `bytes` on disk, so that a full disk shows before any work.
  AsideFile(const std::string &finalPath, uint64_t bytes);
  /// Joins a file that another rank has created; never renames or removes it.
  static AsideFile join(const std::string &finalPath);
  ~AsideFile();
  AsideFile(AsideFile &&other) noexcept;
  AsideFile(const AsideFile &) = delete;
  AsideFile &operator=(const AsideFile &) = delete;

  /// Writes `size` bytes at `offset`; several ranks may write disjoint parts.
  void write(uint64_t offset, const void *data, uint64_t size);
  /// Waits until everything written is on disk.
  void sync();
  /// Makes the contents visible under the final name.
  void commit();

private:
  explicit AsideFile(std::string finalPath);
  std::string path, aside;
  int file = -1;
  bool owner = false;
};

/// A small text file, written aside and renamed.
void writeTextFile(const std::string &path, const std::string &text);

/// Creates a folder and its parents. Throws Error.
void makeFolder(const std::string &path);
/// Removes a folder and all it holds; nothing if it is not there.
void removeFolder(const std::string &path) noexcept;
/// Renames `from` to `to` and waits until the directory that holds `to` is on disk. Throws Error.
void renameDurably(const std::string &from, const std::string &to);

} // namespace tpc::runtime

#endif
