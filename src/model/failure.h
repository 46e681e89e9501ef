/* What went wrong with a task, in Azure Batch's words: a code, and whose fault
 * it is. */
#ifndef MPIBATCH_MODEL_FAILURE_H
#define MPIBATCH_MODEL_FAILURE_H

enum failure {
    FAILURE_NONE,
    FAILURE_EXIT_CODE,
    FAILURE_TASK_ENDED, /* over its time limit, terminated */
    FAILURE_COMMAND_PROGRAM_NOT_FOUND,
    FAILURE_COMMAND_LAUNCH_FAILED,
    FAILURE_APPLICATION_PACKAGE_ERROR,
    FAILURE_BLOB_NOT_FOUND,
    FAILURE_BLOB_ACCESS_DENIED,
    FAILURE_BLOB_DOWNLOAD_TIMED_OUT,
    FAILURE_BLOB_DOWNLOAD_MISC,
    FAILURE_RESOURCE_DIRECTORY_CREATE,
    FAILURE_RESOURCE_FILE_CREATE,
    FAILURE_RESOURCE_FILE_WRITE,
    FAILURE_DISK_FULL,
    FAILURE_UPLOAD_CONTAINER_NOT_FOUND,
    FAILURE_UPLOAD_ACCESS_DENIED,
    FAILURE_UPLOAD_TIMED_OUT,
    FAILURE_UPLOAD_MISC,
    FAILURE_CONTAINER_INVALID_IMAGE,
    FAILURE_CONTAINER_INVALID_SETTINGS,
    FAILURE_UNSUCCESSFUL, /* no code of Azure's: what `success` asks for */
    FAILURE_UNKNOWN,
    FAILURE_COUNT
};

enum failure_category {
    FAILURE_CATEGORY_NONE,
    FAILURE_USER_ERROR,
    FAILURE_SERVER_ERROR
};

/* Azure's code: "BlobNotFound", ...; "" for FAILURE_NONE. */
const char *failure_code(enum failure failure);
enum failure_category failure_category(enum failure failure);
/* "user_error", "server_error", "". */
const char *failure_category_name(enum failure_category category);

/* What was being done when an errno came up. */
enum failure_phase {
    PHASE_DOWNLOAD,  /* the source was read */
    PHASE_DIRECTORY, /* a folder was made for a resource file */
    PHASE_CREATE,    /* a resource file was made */
    PHASE_WRITE,     /* it was written */
    PHASE_PACKAGE,   /* a package was got or unpacked */
    PHASE_UPLOAD     /* an output file was stored */
};

enum failure failure_of_errno(int code, enum failure_phase phase);

#endif
