//! Files that are written whole or not at all.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, SystemTime};

/// What files are called while they are written.
const PREFIX: &str = ".writing-";

/// What was left behind by a process that was killed is removed after this time.
const LEFT_BEHIND: Duration = Duration::from_secs(3_600);

/// Writes a file beside its place and moves it there when all of it is on the disk.
///
/// # Errors
///
/// The file cannot be written.
pub fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    remove_left_behind(folder);
    let mut file = tempfile::Builder::new().prefix(PREFIX).tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    set_usual_mode(file.as_file())?;
    file.persist(path)?;
    // The name is on the disk when the folder is; where folders cannot be synchronised it will be later.
    let _ = File::open(folder).and_then(|folder| folder.sync_all());
    Ok(())
}

/// Others of the team read it, as any file of the project.
#[cfg(unix)]
fn set_usual_mode(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn set_usual_mode(_: &File) -> io::Result<()> {
    Ok(())
}

fn remove_left_behind(folder: &Path) {
    for file in folder.read_dir().into_iter().flatten().flatten() {
        let is_temporary = file.file_name().to_string_lossy().starts_with(PREFIX);
        let changed = file.metadata().and_then(|metadata| metadata.modified());
        let age = changed.ok().and_then(|changed| SystemTime::now().duration_since(changed).ok());
        if is_temporary && age.is_some_and(|age| age > LEFT_BEHIND) {
            // Someone else may have removed it.
            let _ = fs::remove_file(file.path());
        }
    }
}
