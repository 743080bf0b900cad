package androidx.activity.result

import androidx.activity.result.contract.ActivityResultContracts.PickVisualMedia

class ActivityResultLauncher<I> {
    fun launch(input: I) = Unit
}

class PickVisualMediaRequest

fun PickVisualMediaRequest(mediaType: PickVisualMedia.VisualMediaType) = PickVisualMediaRequest()
