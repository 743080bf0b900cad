package androidx.work

import android.content.Context
import java.util.UUID

class Data(private val values: Map<String, Any?>) {
    fun getString(key: String) = values[key] as String?
}

fun workDataOf(vararg pairs: Pair<String, Any?>) = Data(mapOf(*pairs))

class WorkerParameters(val id: UUID, val inputData: Data)

abstract class ListenableWorker(val applicationContext: Context, parameters: WorkerParameters) {
    val id: UUID = parameters.id
    val inputData: Data = parameters.inputData

    sealed class Result {
        class Success(val outputData: Data) : Result()
        class Failure(val outputData: Data) : Result()
        class Retry : Result()

        companion object {
            fun success(outputData: Data): Result = Success(outputData)
            fun failure(outputData: Data): Result = Failure(outputData)
            fun retry(): Result = Retry()
        }
    }
}

abstract class CoroutineWorker(context: Context, parameters: WorkerParameters) :
    ListenableWorker(context, parameters) {
    abstract suspend fun doWork(): Result

    suspend fun setProgress(data: Data) = Unit
}

enum class NetworkType { CONNECTED }

class Constraints private constructor(val network: NetworkType?) {
    class Builder {
        private var network: NetworkType? = null

        fun setRequiredNetworkType(networkType: NetworkType) = apply { network = networkType }

        fun build() = Constraints(network)
    }
}

class OneTimeWorkRequest(val input: Data) {
    class Builder {
        private var input = workDataOf()

        fun setInputData(inputData: Data) = apply { input = inputData }

        fun setConstraints(constraints: Constraints) = this

        fun build() = OneTimeWorkRequest(input)
    }
}

inline fun <reified W : ListenableWorker> OneTimeWorkRequestBuilder() = OneTimeWorkRequest.Builder()

class WorkManager {
    fun enqueue(request: OneTimeWorkRequest) = Unit

    companion object {
        fun getInstance(context: Any) = WorkManager()
    }
}
