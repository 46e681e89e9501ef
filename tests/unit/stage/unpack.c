/* Unpacks archives for packages.sh: unpack FOLDER NAME..., each archive
 * FOLDER/NAME into the folder NAME.d here. Prints NAME, a tab, and "ok" or what
 * is wrong. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "stage/package.h"

int main(int argc, char **argv)
{
    char archive[4096], dest[4096];
    struct package_counts counts;
    struct err err = {0};
    for (int i = 2; i < argc; i++) {
        snprintf(archive, sizeof(archive), "%s/%s", argv[1], argv[i]);
        snprintf(dest, sizeof(dest), "%s.d", argv[i]);
        int rc = package_unpack(archive, dest, NULL, &counts, &err);
        if (rc == 0 && access(dest, F_OK) < 0)
            printf("%s\tnot there\n", argv[i]);
        else if (rc < 0 && access(dest, F_OK) == 0)
            printf("%s\tsomething is left: %s\n", argv[i], err.text);
        else
            printf("%s\t%s\n", argv[i], rc == 0 ? "ok" : err.text);
    }
    return 0;
}
