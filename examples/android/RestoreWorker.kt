package restore

import android.content.Context
import android.net.Uri
import androidx.work.Constraints
import androidx.work.CoroutineWorker
import androidx.work.NetworkType
import androidx.work.OneTimeWorkRequest
import androidx.work.OneTimeWorkRequestBuilder
import androidx.work.WorkerParameters
import androidx.work.workDataOf
import java.io.File
import java.io.IOException

/**
 * Restores one photo even where the app is closed, killed or the phone restarts in between.
 *
 * WorkManager runs this again after each of these, with the same [getId]. The id is the upload's
 * Idempotency-Key, so that an upload whose answer the app didn't live to see makes no second job; once
 * the job's id is known it is kept, and the photo isn't uploaded again. WorkManager stops a worker after
 * ten minutes; a job that waits longer is taken up where it is.
 */
class RestoreWorker(context: Context, parameters: WorkerParameters) : CoroutineWorker(context, parameters) {
    private val jobs = context.getSharedPreferences("restore-jobs", Context.MODE_PRIVATE)

    override suspend fun doWork(): Result {
        val key = id.toString()
        val client = RestoreClient(checkNotNull(inputData.getString(SERVER)))
        return try {
            val jobId = jobs.getString(key, null) ?: submit(client, key)
            finish(client, jobId, key)
        } catch (refused: RestoreException) {
            if (refused.again) Result.retry() else failure(key, refused.code, refused.message)
        } catch (offline: IOException) {
            Result.retry()
        } catch (forbidden: SecurityException) {
            failure(key, "photo_gone", "The photo may no longer be read.")
        }
    }

    private suspend fun submit(client: RestoreClient, key: String): String {
        val photo = Uri.parse(checkNotNull(inputData.getString(PHOTO)))
        val jobId = client.submit(UriRequestBody(applicationContext.contentResolver, photo), idempotencyKey = key)
        jobs.edit().putString(key, jobId).commit() // on disk before anything else can end this process
        return jobId
    }

    private suspend fun finish(client: RestoreClient, jobId: String, key: String): Result {
        var end: RestoreState? = null
        client.watch(jobId).collect { state ->
            if (state is RestoreState.Running) setProgress(workDataOf(PROGRESS to state.progress))
            end = state
        }
        return when (val state = end) {
            is RestoreState.Succeeded -> {
                val folder = File(applicationContext.filesDir, "restored").apply { mkdirs() }
                val file = File(folder, state.resultUrl.pathSegments.last())
                client.save(state, file)
                jobs.edit().remove(key).commit()
                Result.success(workDataOf(RESULT to file.path))
            }
            is RestoreState.Failed -> failure(key, state.code, state.sentence)
            else -> Result.retry()
        }
    }

    private fun failure(key: String, code: String, sentence: String?): Result {
        jobs.edit().remove(key).commit()
        return Result.failure(workDataOf(CODE to code, ERROR to sentence))
    }

    companion object {
        /** The names of what goes in and what comes out. */
        const val SERVER = "server"
        const val PHOTO = "photo"
        const val PROGRESS = "progress"
        const val RESULT = "result"
        const val CODE = "code"
        const val ERROR = "error"

        /** The work for a photo; hand it to `WorkManager.getInstance(context).enqueue`. */
        fun request(server: String, photo: Uri): OneTimeWorkRequest =
            OneTimeWorkRequestBuilder<RestoreWorker>()
                .setInputData(workDataOf(SERVER to server, PHOTO to photo.toString()))
                .setConstraints(Constraints.Builder().setRequiredNetworkType(NetworkType.CONNECTED).build())
                .build()
    }
}
