/* Part of builds with sanitizers only: libraries stay loaded to the end, so that a leak found at exit still has names to its
 * addresses. MPI unloads its modules; what those leave behind could not be told from leaks of ours.
 * The linker is told to look for the first name (-u): it would find the second in a shared library. */
extern const int bit_libraries_stay;
const int bit_libraries_stay = 1;

int dlclose(void *library);

int dlclose(void *library)
{
    (void)library;
    return 0;
}
