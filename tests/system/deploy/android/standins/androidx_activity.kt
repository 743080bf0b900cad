package androidx.activity

import android.content.ContentResolver
import android.net.Uri
import androidx.activity.result.ActivityResultLauncher
import androidx.activity.result.PickVisualMediaRequest
import androidx.activity.result.contract.ActivityResultContracts

open class ComponentActivity(val contentResolver: ContentResolver) {
    fun registerForActivityResult(
        contract: ActivityResultContracts.PickVisualMedia,
        callback: (Uri?) -> Unit,
    ) = ActivityResultLauncher<PickVisualMediaRequest>()
}
