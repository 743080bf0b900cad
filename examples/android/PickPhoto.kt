package restore

import android.content.Intent
import androidx.activity.ComponentActivity
import androidx.activity.result.PickVisualMediaRequest
import androidx.activity.result.contract.ActivityResultContracts.PickVisualMedia
import androidx.work.WorkManager

/**
 * The photo picker in an activity: `private val pickPhoto = PhotoPick(this, server)` as a field, then
 * `pickPhoto.launch()` from a button. It needs no permission, and the app sees the chosen photo alone.
 */
class PhotoPick(private val activity: ComponentActivity, private val server: String) {
    private val picker = activity.registerForActivityResult(PickVisualMedia()) { photo ->
        if (photo != null) {
            // Without this the address is good until the app ends, and the work may outlive it.
            activity.contentResolver.takePersistableUriPermission(photo, Intent.FLAG_GRANT_READ_URI_PERMISSION)
            WorkManager.getInstance(activity).enqueue(RestoreWorker.request(server, photo))
        }
    }

    fun launch() = picker.launch(PickVisualMediaRequest(PickVisualMedia.ImageOnly))
}
