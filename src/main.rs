//! The program.
fn main() -> anyhow::Result<()> {
    stackcast::cli::main()
}
